"""What the measures of one pair share: smaller frames, flows, where the clips differ and where they should not."""

from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.experts.protocols import Judgement, Question, Vectors
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.synthesis.flow import Flow, Flows, fetch, to_first, to_previous
from veggie_pl.synthesis.protocols import Frames, ItemError, Lifted
from veggie_pl.synthesis.regions import differs, widened
from veggie_pl.video.clip import to_clip

Where = Bool[np.ndarray, "f h w"]

_WHOLE = 0.5  # of the pixels
_MARGIN = 0.03  # of the shorter side: soft edges of a change, and errors of flow


class Seen:
    """One lifted pair, reduced to the size at which it is measured; everything is computed when it is asked for.

    Args:
        lifted: The pair.
        side: Longer side of the frames that are measured, in pixels; smaller ones are left as they are.
        experts: Outside models that measures may ask.

    Raises:
        ItemError: If the clips do not fit each other or their pictures.
    """

    def __init__(self, lifted: Lifted, side: int = 96, experts: Experts | None = None) -> None:
        if side < 16:
            raise UseError(f"frames have to be measured at 16 pixels at least, got {side}")
        if lifted.source.shape != lifted.target.shape or not len(lifted.source):
            raise ItemError(f"the clips are {lifted.source.shape} and {lifted.target.shape} (frames, height, width, 3)")
        if lifted.source.shape[1:] != lifted.still.source.shape:
            raise ItemError(f"the clips are {lifted.source.shape[1:]}, their picture is {lifted.still.source.shape}")
        self.lifted, self.side, self.experts = lifted, side, experts or Experts()

    @cached_property
    def source(self) -> Frames:
        """Frames of the source clip."""
        return _reduced(self.lifted.source, self.side)

    @cached_property
    def edited(self) -> Frames:
        """Frames of the edited clip."""
        return _reduced(self.lifted.target, self.side)

    @cached_property
    def pictures(self) -> tuple[Frames, Frames]:
        """Both pictures, as clips of one frame."""
        still = self.lifted.still
        return _reduced(still.source[None], self.side), _reduced(still.target[None], self.side)

    @cached_property
    def clips(self) -> tuple[Clip, Clip]:
        """Both clips in [-1, 1]."""
        return to_clip(self.source), to_clip(self.edited)

    @cached_property
    def steps(self) -> tuple[Flows, Flows]:
        """Where each pixel of a frame is in the frame before, in both clips."""
        return to_previous(self.source, "fast"), to_previous(self.edited, "fast")

    @cached_property
    def back(self) -> tuple[Flows, Flows]:
        """Where each pixel of a frame is in the first frame, in both clips."""
        return to_first(self.source), to_first(self.edited)

    @cached_property
    def change(self) -> Where:
        """Where the clips differ."""
        return differs(self.source, self.edited)

    @cached_property
    def region(self) -> Where:
        """Where they may: the change of the pictures, carried along the motion of both clips, and a margin."""
        first = widened(differs(*self.pictures)[0], _MARGIN)
        found, chains = [first], [first, first]
        for number in range(len(self.source) - 1):
            direct = [_carried(first, flows[number]) for flows in self.back]
            # flow to the first frame loses what moves far, flow from frame to frame what is hidden for a while
            chains = [_carried(one, flows[number]) for one, flows in zip(chains, self.steps, strict=True)]
            found.append(widened(np.logical_or.reduce([*direct, *chains]), _MARGIN))
        return np.stack(found)

    @cached_property
    def is_whole(self) -> bool:
        """Whether the edit is one of most of the picture, so that little is left that should stay."""
        return bool(self.region[0].mean() > _WHOLE)

    @cached_property
    def whole_clips(self) -> tuple[Clip, Clip]:
        """Both clips at their own size in [-1, 1], as experts see them."""
        return to_clip(self.lifted.source), to_clip(self.lifted.target)

    @cached_property
    def features(self) -> tuple[Vectors, Vectors]:
        """What the model of images and text makes of both clips' frames."""
        assert self.experts.image_text is not None
        source, edited = (self.experts.image_text.embed_frames(clip) for clip in self.whole_clips)
        return source, edited

    @cached_property
    def judgements(self) -> dict[str, Judgement]:
        """What the judge has said so far, by what it was shown: "clips" or "first"."""
        return {}

    def judged(self, shown: str) -> Judgement:
        """Ask the judge about the clips, or about their first frames."""
        if shown not in self.judgements:
            assert self.experts.judge is not None
            example = self.lifted.still.example
            source, edited = (clip[:1] if shown == "first" else clip for clip in self.whole_clips)
            question = Question(
                example.key, example.skill, example.instruction or "", source, edited, example.checklist
            )
            self.judgements[shown] = self.experts.judge.judge(question)
        return self.judgements[shown]


def _carried(region: Bool[np.ndarray, "h w"], back: Flow) -> Bool[np.ndarray, "h w"]:
    return np.asarray(fetch(region.astype(np.uint8), back, cv2.INTER_NEAREST).astype(bool))


def _reduced(frames: Frames, side: int) -> Frames:
    height, width = frames.shape[1:3]
    scale = side / max(height, width)
    if scale >= 1:
        return frames
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
