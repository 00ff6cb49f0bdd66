"""Scenes to pixels. Numpy, because for one small clip it is faster than torch; vectorised over frames."""

import numpy as np
import torch
from numpy.typing import NDArray

from veggie_pl.batch import Clip, Mask
from veggie_pl.data.shapes.backgrounds import render_background
from veggie_pl.data.shapes.casts import cast
from veggie_pl.data.shapes.outlines import coverage
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.styles import apply_style
from veggie_pl.data.shapes.vocabulary import COLORS

STRIPE = 0.0625  # width of a stripe or a square of the checkered texture, as a share of the frame
DARK = 0.45  # brightness of dark stripes
CHANGE = 2 / 255  # smallest change of a pixel in [0, 1] that counts


def render(scene: Scene, size: int, num_frames: int) -> Clip:
    """The scene as a clip of ``size`` x ``size`` pixels in [-1, 1]."""
    pixels = render_background(scene.background, size, num_frames)
    for thing in scene.things if scene.shadows else ():
        cast(pixels, thing, scene.background.kind)
    for thing in scene.things:
        alpha, (rows, columns) = coverage(thing, size, num_frames)
        window = pixels[:, :, rows, columns]
        color = np.asarray(COLORS[thing.color], np.float32)[:, None, None]
        if thing.texture == "plain":
            window += alpha[:, None] * (color - window)
        else:
            light = _texture(thing, size, num_frames, rows, columns)
            window += alpha[:, None] * (color * light[:, None] - window)
    if scene.style:
        pixels = apply_style(pixels, scene.style)
    return torch.from_numpy(pixels * np.float32(2) - np.float32(1))


def silhouette(scene: Scene, index: int, size: int, num_frames: int) -> Mask:
    """Where thing ``index`` is seen: more than half of the pixel is its own, and nothing in front hides it."""
    alpha, (rows, columns) = coverage(scene.things[index], size, num_frames)
    seen = np.zeros((num_frames, size, size), np.float32)
    seen[:, rows, columns] = alpha
    for thing in scene.things[index + 1 :]:
        alpha, (rows, columns) = coverage(thing, size, num_frames)
        seen[:, rows, columns] *= 1 - alpha
    return torch.from_numpy(seen > 0.5)


def changed(source: Clip, target: Clip) -> Mask:
    """Where two clips differ by more than 2/255 of the range in any channel."""
    return (target - source).abs().amax(1) > 2 * CHANGE


def _texture(thing: Thing, size: int, num_frames: int, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Brightness of the thing's texture, which moves with it: (f, h', w')."""
    centres = thing.path(num_frames) * size
    width = STRIPE * size
    y = (np.arange(rows.start, rows.stop) + 0.5 - centres[:, 1, None]) / width
    dark = np.floor(y).astype(np.int64)[:, :, None] % 2
    if thing.texture == "checkered":
        x = (np.arange(columns.start, columns.stop) + 0.5 - centres[:, 0, None]) / width
        dark = (dark + np.floor(x).astype(np.int64)[:, None, :]) % 2
    return np.where(dark, np.float32(DARK), np.float32(1))
