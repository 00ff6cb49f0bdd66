"""Clips for the page: animated WebP as text, within a budget of bytes."""

import base64
import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from veggie_pl.batch import Clip
from veggie_pl.scoring.page.picks import MAX_SAMPLES
from veggie_pl.video.clip import to_uint8

PAGE_BYTES = 15_000_000
_CLIPS = 3 * MAX_SAMPLES
_AS_TEXT = 4 / 3  # letters that base64 takes for a byte
_FOR_CLIPS = 0.94  # part of the page; the rest is text
STILL_BYTES = 20_000  # of the first frame alone
MOVING_BYTES = int(_FOR_CLIPS * PAGE_BYTES / _AS_TEXT / _CLIPS) - STILL_BYTES  # 127 KB
MAX_FRAMES = 16
_SMALL = 128  # pixels: clips up to this size are kept as they are and enlarged by the browser
# Longest side in pixels and WebP's quality, tried in turn until the bytes fit; the quality of the first is lossless
# for small clips.
_TRIES = ((320, 80), (320, 60), (256, 50), (192, 45), (128, 40), (96, 30), (64, 20), (32, 10))


@dataclass(frozen=True)
class Picture:
    """A clip as the page shows it.

    Args:
        moving: The animation as a data URI.
        still: Its first frame alone, for readers who want nothing to move.
        width: Of the clip, in pixels.
        height: Of the clip, in pixels.
        is_small: Whether it is to be enlarged without blur.
    """

    moving: str
    still: str
    width: int
    height: int
    is_small: bool


def animate(clip: Clip, fps: float = 8.0) -> Picture:
    """Encode a clip; of a long one, evenly spaced frames over the same time.

    Args:
        clip: In [-1, 1].
        fps: Frames per second.
    """
    num_frames, _, height, width = clip.shape
    chosen = np.linspace(0, num_frames - 1, min(num_frames, MAX_FRAMES)).round().astype(int)
    frames = to_uint8(clip[chosen]).permute(0, 2, 3, 1).cpu().numpy()
    milliseconds = round(1000 * num_frames / len(chosen) / fps)
    moving = _within(frames, MOVING_BYTES, milliseconds)
    still = _within(frames[:1], STILL_BYTES, milliseconds)
    return Picture(_uri(moving), _uri(still), width, height, max(height, width) <= _SMALL)


def _within(frames: NDArray[np.uint8], budget: int, milliseconds: int) -> bytes:
    """Encode as well as the budget allows; what is too much at the lowest quality is given as it is."""
    data = b""
    if max(frames.shape[1:3]) <= _SMALL:
        data = _webp(frames, milliseconds, lossless=True)
    for side, quality in _TRIES:
        if data and len(data) <= budget:
            break
        data = _webp(_shrunk(frames, side), milliseconds, quality=quality)
    return data


def _shrunk(frames: NDArray[np.uint8], side: int) -> list[NDArray[np.uint8]]:
    height, width = frames.shape[1:3]
    scale = side / max(height, width)
    if scale >= 1:
        return list(frames)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames]


def _webp(
    frames: NDArray[np.uint8] | list[NDArray[np.uint8]], milliseconds: int, lossless: bool = False, quality: int = 80
) -> bytes:
    first, *rest = (Image.fromarray(frame) for frame in frames)
    data = io.BytesIO()
    first.save(
        data,
        "WEBP",
        save_all=bool(rest),
        append_images=rest,
        duration=milliseconds,
        loop=0,
        lossless=lossless,
        quality=quality,
        method=4,
    )
    return data.getvalue()


def _uri(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
