"""Styles: deterministic functions of a whole clip's pixels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.errors import UseError

Styled = NDArray[np.floating[Any]]  # float32, (f, 3, h, w) in [0, 1]

LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)


def apply_style(pixels: Styled, style: str) -> Styled:
    """The clip in this style.

    Raises:
        UseError: If there is no such style.
    """
    if style not in _STYLES:
        raise UseError(f"unknown style {style!r}; the choices are {', '.join(_STYLES)}")
    return _STYLES[style](pixels)


def _luma(pixels: Styled) -> Styled:
    light: Styled = np.einsum("fchw,c->fhw", pixels, LUMA)[:, None]
    return light


def _negative(pixels: Styled) -> Styled:
    return 1 - pixels


def _sketch(pixels: Styled) -> Styled:
    """Dark lines on white where any channel changes."""
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    across = np.abs(padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]).max(1, keepdims=True)
    along = np.abs(padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]).max(1, keepdims=True)
    return np.repeat(np.clip(1 - 1.2 * (across + along), 0, 1), 3, axis=1)


def _sepia(pixels: Styled) -> Styled:
    light = _luma(pixels)
    tone = np.asarray((1.25, 0.95, 0.6), np.float32)[:, None, None]
    toned: Styled = np.clip(light * tone + np.asarray((0.06, 0.03, 0.0), np.float32)[:, None, None], 0, 1)
    return toned


def _pixel_art(pixels: Styled) -> Styled:
    """Blocks of an eighth of the frame, in four levels a channel."""
    h, w = pixels.shape[2:]
    rows, columns = np.arange(h) * 8 // h, np.arange(w) * 8 // w
    starts_h, starts_w = np.searchsorted(rows, np.arange(8)), np.searchsorted(columns, np.arange(8))
    blocks = np.add.reduceat(np.add.reduceat(pixels, starts_h, axis=2), starts_w, axis=3)
    blocks /= (np.bincount(rows)[:, None] * np.bincount(columns)[None]).astype(np.float32)
    levels: Styled = np.rint(blocks * 3) / 3
    return levels[:, :, rows][:, :, :, columns]


def _night_vision(pixels: Styled) -> Styled:
    light = _luma(pixels)
    return light * np.asarray((0.15, 1.0, 0.25), np.float32)[:, None, None]


_STYLES: dict[str, Callable[[Styled], Styled]] = {
    "negative": _negative,
    "sketch": _sketch,
    "sepia": _sepia,
    "pixel art": _pixel_art,
    "night vision": _night_vision,
}
