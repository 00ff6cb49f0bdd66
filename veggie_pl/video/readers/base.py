"""What every reader offers, and the limits that keep a hostile file from taking the machine down."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8

from veggie_pl.errors import UseError

Content = Path | bytes  # where the bytes of one video or image come from
Frames = UInt8[np.ndarray, "f h w 3"]  # RGB, 0 .. 255
Seconds = Float64[np.ndarray, " n"]  # when each frame appears, the first at 0; NaN where nobody knows

MAX_FRAME_PIXELS = 64 * 2**20  # of one frame; 8K video has half of it
MAX_SIDE = 2**16 - 1  # pixels: record tables keep sides as 16 bits
MAX_PIXELS = 2**30  # of all frames asked for at once: 3 GiB
MAX_FRAMES = 2**20  # listed in one file: ten hours at 30 frames per second


class ClipError(UseError):
    """A file that cannot be read or written as a clip; the message names the path and the reason."""


@dataclass(frozen=True)
class ClipInfo:
    """What a file says of itself."""

    num_frames: int
    fps: float  # frames per second, on average; 0 for images
    height: int
    width: int


@dataclass(frozen=True)
class Header:
    """The shape of a clip as its reader gives it: frames, and height and width in pixels, rotation carried out."""

    frames: int
    height: int
    width: int


@runtime_checkable
class Reader(Protocol):
    """Frames of one file by their number in order of presentation."""

    @property
    def info(self) -> ClipInfo:
        """From the headers, nothing decoded."""

    @property
    def seconds(self) -> Seconds:
        """When each frame appears."""

    def get(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, in their order; numbers may repeat and go backwards.

        Raises:
            ClipError: If one of them cannot be decoded.
        """


def check_size(name: str, height: int, width: int) -> None:
    """Refuse frames that are empty or too large, before anything of theirs is decoded.

    Raises:
        ClipError: Such as an image bomb: few bytes that claim to be a picture of a gigapixel.
    """
    if height < 1 or width < 1:
        # which is also how FFmpeg puts that they are larger than it may decode
        raise ClipError(f"{name}: the frames have no size, or one over the limit of {MAX_FRAME_PIXELS} pixels")
    if max(height, width) > MAX_SIDE:
        raise ClipError(f"{name}: frames of {width}x{height} pixels; the limit is {MAX_SIDE} pixels a side")
    if height * width > MAX_FRAME_PIXELS:
        raise ClipError(f"{name}: frames of {width}x{height} pixels; the limit is {MAX_FRAME_PIXELS} pixels a frame")


def over_white(rgba: UInt8[np.ndarray, "*lead 4"]) -> UInt8[np.ndarray, "*lead 3"]:
    """Lay a picture with alpha on white paper: what is transparent has no colour of its own to show."""
    alpha = rgba[..., 3:].astype(np.uint32)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def one_line(error: BaseException) -> str:
    """Return the last line of an error's text, short."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:120] if lines else type(error).__name__
