"""What things cast on what is behind them: a soft shadow, or their own faint picture upside down."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.outlines import POINTED, signed_distance
from veggie_pl.data.shapes.scene import REACH, Thing
from veggie_pl.data.shapes.vocabulary import COLORS

Pixels = NDArray[np.floating[Any]]  # float32

MIRRORS = frozenset({"night", "sunset"})  # backgrounds that reflect; all others take shadows
OFFSET = (0.05, 0.07)  # of a shadow from its thing, in frame widths: light comes from the upper left
SOFT = 0.07  # width of a shadow's edge, in frame widths
DARKNESS = 0.4  # what a whole shadow takes of the light
SHEEN = 0.35  # opacity of a reflection where it touches its thing
DEPTH = 1.6  # radii below the thing at which its reflection is gone
BOTTOM = {  # from the centre to the lowest point, in radii
    **REACH,
    "triangle": 0.5 * POINTED,
    "star": POINTED * float(np.cos(np.pi / 5)),
}


def cast(pixels: Pixels, thing: Thing, background: str) -> None:
    """Draw what a thing casts, before any thing is drawn: it falls on the background alone.

    Args:
        pixels: The clip so far in [0, 1], (f, 3, size, size), changed in place.
        thing: What casts.
        background: Kind of what is behind.
    """
    num_frames, _, size, _ = pixels.shape
    centres = (thing.path(num_frames) * size)[:, :, None, None]  # (f, 2, 1, 1)
    radius = thing.radius * size
    x = np.arange(size, dtype=np.float32)[None, None, :] + 0.5 - centres[:, 0]
    y = np.arange(size, dtype=np.float32)[None, :, None] + 0.5 - centres[:, 1]
    if background in MIRRORS:
        below = y - BOTTOM[thing.shape] * radius  # the line where thing and reflection meet
        away = signed_distance(thing.shape, x, BOTTOM[thing.shape] * radius - below, radius)
        fading = np.clip(1 - below / (DEPTH * radius), 0, 1) * (below > 0)
        share = np.float32(SHEEN) * np.clip(0.5 - away, 0, 1) * fading
        pixels += share[:, None] * (_dull(thing.color) - pixels)
    else:
        away = signed_distance(thing.shape, x - OFFSET[0] * size, y - OFFSET[1] * size, radius)
        pixels *= 1 - np.float32(DARKNESS) * np.clip(0.5 - away / (SOFT * size), 0, 1)[:, None].astype(np.float32)


def _dull(color: str) -> Pixels:
    """Give the colour of a reflection, (3, 1, 1): half way to gray, so that it does not pass for a thing."""
    bright = np.asarray(COLORS[color], np.float32)
    dull: Pixels = ((bright + bright.mean()) / 2)[:, None, None]
    return dull
