"""Clips of more frames than the model takes: in which windows they are edited, and how these are made to agree."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.inference.windows import windows
from veggie_pl.model import VeggieModel
from veggie_pl.models import Codec

Long = Literal["independent", "blended", "anchored"]
LONG: tuple[Long, ...] = get_args(Long)
DEFAULT: Long = "independent"  # docs/LONG_CLIPS.md says why
OVERLAP = 1  # frame that a window shares with the next, at least


class Window(NamedTuple):
    """Some frames of a clip at the model's size.

    Args:
        frames: Their numbers.
        clip: Pixels in [-1, 1].
        region: How much of each pixel may change, in [0, 1]; None is all of it.
    """

    frames: range
    clip: Clip
    region: Float[Tensor, "f h w"] | None = None

    def first(self, count: int) -> "Window":
        """Give the first frames alone."""
        region = None if self.region is None else self.region[:count]
        return Window(self.frames[:count], self.clip[:count], region)


@dataclass(frozen=True)
class LongClips:
    """How a clip of more frames than the model takes is edited. One of a single window is the same in all ways.

    Args:
        how: "independent": window after window, each from the same noise; where two overlap, pixels fade from the one
            to the other. "blended": all windows together, their predictions blended at every sampling step, each frame
            from noise of its own. "anchored": blended, and the MLLM reads frames spread over the whole clip in place of
            each window, whose task tokens are interpolated between theirs. None is ``DEFAULT`` where the model can,
            and else "independent".
        window: Frames of a window; None is as many as the model takes.
        overlap: Frames that a window shares with the next, at least; None is ``OVERLAP``, or what fits the window.

    Raises:
        UseError: If the way is unknown, or a number out of range.
    """

    how: Long | None = None
    window: int | None = None
    overlap: int | None = None

    def __post_init__(self) -> None:
        if self.how is not None and self.how not in LONG:
            raise UseError(f"long must be one of {', '.join(LONG)}, got {self.how!r}")
        if self.window is not None and self.window < 1:
            raise UseError(f"window must be 1 frame or more, got {self.window}")
        if self.overlap is not None and self.overlap < 0:
            raise UseError(f"overlap must be 0 frames or more, got {self.overlap}")
        if None not in (self.window, self.overlap) and self.overlap >= self.window:  # type: ignore[operator]
            raise UseError(f"overlap must be below the window of {self.window} frames, got {self.overlap}")

    def fit(self, module: VeggieModel) -> "LongClips":
        """Decide what is left open.

        Raises:
            UseError: If the model cannot edit so.
        """
        alone = module.vae.frames_taken(2) != 2
        if self.how is None:
            return replace(self, how="independent" if alone else DEFAULT)
        if alone and self.how != "independent":
            why = f"{type(module.vae).__name__} compresses time, and latents of one window are none of the next"
            raise UseError(f"long {self.how} does not go: {why}; leave it at independent")
        return self

    def windows(self, num_frames: int, most: int, codec: Codec) -> list[range]:
        """Lay windows over a clip.

        Args:
            num_frames: Of the clip.
            most: Frames that the model takes.
            codec: Of the model.

        Raises:
            UseError: If the model does not take such a window, or it is not longer than the overlap.
        """
        window = codec.frames_taken(most) if self.window is None else self.window
        if (taken := codec.frames_taken(min(window, most))) != window:
            raise UseError(f"a window of {window} frames, but the model takes at most {most}; the nearest is {taken}")
        overlap = min(OVERLAP, window - 1) if self.overlap is None else self.overlap
        return windows(num_frames, window, overlap)
