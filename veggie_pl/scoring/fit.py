"""How an output of another size or length is compared: the rule, in one place (docs/EVALUATION.md)."""

import math
from dataclasses import dataclass

import numpy as np

from veggie_pl.batch import Clip
from veggie_pl.video.clip import ClipFile, resize, to_clip
from veggie_pl.video.frames import uniform

RATIO = 0.02  # by which aspect ratios may differ: sizes are rounded to what a model takes
SECONDS = 0.1  # part of the source's duration by which an output's may differ


@dataclass(frozen=True)
class Shape:
    """Frames and size of a clip.

    Args:
        frames: Frames that are compared.
        height: In pixels.
        width: In pixels.
        native: Frames of the file behind it, of which the compared ones are picked evenly; None is unknown.
        seconds: Its duration; None is unknown.
        ratio: Height over width of the file behind it, which a bench may stretch; None is unknown.
    """

    frames: int
    height: int
    width: int
    native: int | None = None
    seconds: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Fit:
    """Whether an output can be compared with its source, and what is done or wrong."""

    fits: bool
    said: str = ""


def check_fit(output: Shape, source: Shape) -> Fit:
    """Judge an output by its header.

    - An aspect ratio that is more than 2 % from the bench's and from the source file's own, which a bench may stretch,
      is another picture: unfit. Another size is resized, stretched as the source was.
    - As many frames as the bench gives are compared one by one. As many as the source's own file has, or another
      number over the same time (10 %), are picked evenly from the first to the last, as the source's were. Any other
      number is unfit: frames would be compared with those of other moments.
    """
    own, asked = f"{output.width}x{output.height}", f"{source.width}x{source.height}"
    known = [source.height / source.width, *([] if source.ratio is None else [source.ratio])]
    if min(abs(math.log(output.height / output.width / ratio)) for ratio in known) > RATIO:
        return Fit(False, f"its frames are {own}, another shape than {asked}")
    said = [] if own == asked else [f"{own} resized to {asked}"]
    if output.frames != source.frames:
        if output.frames != source.native and not _lasts(output.seconds, source.seconds):
            return Fit(False, f"has {_length(output)}, the bench gives {_length(source)}")
        said.append(f"{source.frames} of {output.frames} frames")
    return Fit(True, ", ".join(said))


def read_fitted(file: ClipFile, source: Shape) -> Clip:
    """Read an output as its source's frames and size; it has passed ``check_fit``.

    Raises:
        ClipError: If its frames cannot be decoded.
    """
    info = file.info
    same = info.num_frames == source.frames
    frames = file.frames() if same else file.at(uniform(range(info.num_frames), source.frames))
    clip = to_clip(np.ascontiguousarray(frames))
    there = (source.height, source.width)
    return clip if clip.shape[-2:] == there else resize(clip, *there)


def _lasts(own: float | None, asked: float | None) -> bool:
    return own is not None and asked is not None and abs(own - asked) <= SECONDS * asked


def _length(shape: Shape) -> str:
    of = "" if shape.native in (None, shape.frames) else f" of its {shape.native}"
    return f"{shape.frames} frames{of}" + ("" if shape.seconds is None else f" ({shape.seconds:.1f} s)")
