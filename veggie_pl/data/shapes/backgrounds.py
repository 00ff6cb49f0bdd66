"""Backgrounds: textures that repeat along the width and drift by whole quarter pixels."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.scene import Background, frame_times
from veggie_pl.seeding import numpy_rng

Pixels = NDArray[np.floating[Any]]  # float32

FINE = 4  # texels per pixel along the width
DRIFT = {"wall": 0.0, "night": 0.25, "beach": 0.25, "meadow": 0.0, "snow": 0.25, "sunset": 0.0}  # widths per clip


def render_background(background: Background, size: int, num_frames: int) -> Pixels:
    """Pixels in [0, 1], (f, 3, size, size)."""
    texture = _texture(background.kind, size)
    shift = np.rint((background.phase + background.speed * frame_times(num_frames)) * FINE * size).astype(np.int64)
    if not shift.any():
        return np.repeat(texture[None, :, :, ::FINE], num_frames, axis=0)
    if (shift == shift[0]).all():
        return np.repeat(np.roll(texture, -shift[0], axis=2)[None, :, :, ::FINE], num_frames, axis=0)
    columns = (shift[:, None] + FINE * np.arange(size)) % (FINE * size)
    return np.ascontiguousarray(np.moveaxis(texture[:, :, columns], 2, 0))


@lru_cache(maxsize=32)
def _texture(kind: str, size: int) -> Pixels:
    """(3, size, FINE * size), soft colours with a chroma (max - min) below that of any object's colour."""
    y = (np.arange(size, dtype=np.float32)[:, None] + 0.5) / size
    x = (np.arange(FINE * size, dtype=np.float32)[None] + 0.5) / (FINE * size)
    pixels = _PAINTERS[kind](x, y)
    pixels.setflags(write=False)
    return pixels


def _mix(low: tuple[float, ...], high: tuple[float, ...], share: Pixels) -> Pixels:
    low_, high_ = (np.asarray(color, np.float32)[:, None, None] for color in (low, high))
    return np.asarray(low_ + (high_ - low_) * share, np.float32)


def _wall(x: Pixels, y: Pixels) -> Pixels:
    return _mix((0.42, 0.42, 0.43), (0.42, 0.42, 0.43), 0 * x * y)


def _night(x: Pixels, y: Pixels) -> Pixels:
    sky = _mix((0.09, 0.09, 0.16), (0.19, 0.18, 0.27), y + 0 * x)
    rng = numpy_rng("shapes", "night")
    for star_x, star_y, light in rng.random((9, 3)):
        away = np.hypot(np.abs((x - star_x + 0.5) % 1 - 0.5), y - star_y)
        sky += (0.4 + 0.2 * light) * np.clip(1.4 - away * 32, 0, 1).astype(np.float32)
    return np.minimum(sky, 0.86)


def _beach(x: Pixels, y: Pixels) -> Pixels:
    shore = 0.55 + 0.03 * np.sin(4 * np.pi * x)
    sand = np.clip((y - shore) * 24 + 0.5, 0, 1)
    water = _mix((0.70, 0.80, 0.84), (0.58, 0.72, 0.78), y + 0 * x)
    dry = np.asarray((0.84, 0.78, 0.66), np.float32)[:, None, None]
    pixels: Pixels = water + (dry - water) * sand.astype(np.float32)
    return pixels


def _meadow(x: Pixels, y: Pixels) -> Pixels:
    blades = 0.5 + 0.25 * np.sin(2 * np.pi * (6 * x + 2 * y)) + 0.25 * np.sin(2 * np.pi * (4 * x - 9 * y))
    return _mix((0.42, 0.52, 0.36), (0.54, 0.62, 0.46), blades)


def _snow(x: Pixels, y: Pixels) -> Pixels:
    sky = _mix((0.54, 0.60, 0.67), (0.64, 0.69, 0.74), y + 0 * x)
    for flake_x, flake_y in numpy_rng("shapes", "snow").random((14, 2)):
        away = np.hypot(np.abs((x - flake_x + 0.5) % 1 - 0.5), y - flake_y)
        sky += 0.2 * np.clip(1.6 - away * 28, 0, 1).astype(np.float32)
    return np.minimum(sky, 0.86)


def _sunset(x: Pixels, y: Pixels) -> Pixels:
    return _mix((0.44, 0.36, 0.46), (0.80, 0.62, 0.56), y**2 + 0 * x)


_PAINTERS = {
    "wall": _wall,
    "night": _night,
    "beach": _beach,
    "meadow": _meadow,
    "snow": _snow,
    "sunset": _sunset,
}
