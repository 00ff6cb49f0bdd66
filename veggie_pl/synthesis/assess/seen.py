"""What the measures of one pair share: smaller frames, flows, where the clips differ and where they should not."""

from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.synthesis.flow import Flows, fetch, to_first, to_previous
from veggie_pl.synthesis.protocols import Frames, ItemError, Lifted
from veggie_pl.synthesis.regions import differs, widened
from veggie_pl.video.clip import to_clip

Where = Bool[np.ndarray, "f h w"]

_MARGIN = 0.03  # of the shorter side: soft edges of a change, and errors of flow


class Seen:
    """One lifted pair, reduced to the size at which it is measured; everything is computed when it is asked for.

    Args:
        lifted: The pair.
        side: Longer side of the frames that are measured, in pixels; smaller ones are left as they are.

    Raises:
        ItemError: If the clips do not fit each other or their pictures.
    """

    def __init__(self, lifted: Lifted, side: int = 96) -> None:
        if side < 16:
            raise UseError(f"frames have to be measured at 16 pixels at least, got {side}")
        if lifted.source.shape != lifted.target.shape or not len(lifted.source):
            raise ItemError(f"the clips are {lifted.source.shape} and {lifted.target.shape} (frames, height, width, 3)")
        if lifted.source.shape[1:] != lifted.still.source.shape:
            raise ItemError(f"the clips are {lifted.source.shape[1:]}, their picture is {lifted.still.source.shape}")
        self.lifted, self.side = lifted, side

    @cached_property
    def source(self) -> Frames:
        """Frames of the source clip."""
        return _reduced(self.lifted.source, self.side)

    @cached_property
    def edited(self) -> Frames:
        """Frames of the edited clip."""
        return _reduced(self.lifted.target, self.side)

    @cached_property
    def clips(self) -> tuple[Clip, Clip]:
        """Both clips in [-1, 1]."""
        return to_clip(self.source), to_clip(self.edited)

    @cached_property
    def steps(self) -> tuple[Flows, Flows]:
        """Where each pixel of a frame is in the frame before, in both clips."""
        return to_previous(self.source), to_previous(self.edited)

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
        pictures = (self.lifted.still.source, self.lifted.still.target)
        before, after = (_reduced(picture[None], self.side) for picture in pictures)
        first = widened(differs(before, after)[0], _MARGIN)
        carried = [first]
        for flows in zip(*self.back, strict=True):
            places = [fetch(first.astype(np.uint8), flow, cv2.INTER_NEAREST) for flow in flows]
            carried.append(widened(np.maximum(*places).astype(bool), _MARGIN))
        return np.stack(carried)


def _reduced(frames: Frames, side: int) -> Frames:
    height, width = frames.shape[1:3]
    scale = side / max(height, width)
    if scale >= 1:
        return frames
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
