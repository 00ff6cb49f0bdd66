"""Pictures and masks of official data sets: run lengths, polygons and indexed pictures, none of them trusted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import ExampleError, below, field, line, number, typed
from veggie_pl.video.header import read_header, read_picture
from veggie_pl.video.media import Media, MediaError

Size = tuple[int, int]  # height, width
FAR = 1e6  # pixels; no corner of a real polygon lies beyond
MAX_OUTLINE = 1000  # of an outline, in sides of the picture; longer ones would only cost time and memory


def picture(root: Path, path: str) -> tuple[Media, Size]:
    """A picture, and its (height, width) as readers show it, from the header alone."""
    media = Media(path)
    _file(root, path)
    try:
        header = read_header([media], root)
    except MediaError as error:
        raise ExampleError(f"{path}: no picture that can be read ({line(error)})") from error
    if header.frames != 1:
        raise ExampleError(f"{path}: {header.frames} frames, not one picture")
    return media, (header.height, header.width)


def indices(root: Path, path: str, size: Size) -> UInt8[np.ndarray, "h w"]:
    """Read the pixels of an indexed (palette) or gray PNG, upright: 0 is the background, others are objects.

    Raises:
        ExampleError: If it is missing, broken, too large, of another kind or of another size (height, width).
    """
    _file(root, path)
    try:
        found, kind = read_picture(Media(path), root)
    except MediaError as error:
        raise ExampleError(f"{path}: no mask that can be read ({line(error)})") from error
    if kind != "PNG":  # others change values
        raise ExampleError(f"{path}: no mask that can be read (a {kind}, not a PNG)")
    if (found.height, found.width) != size:
        raise ExampleError(f"{path}: {_by((found.height, found.width))} pixels, but its picture has {_by(size)}")
    if found.mode not in ("P", "L"):
        raise ExampleError(f"{path}: pixels are {found.mode}, not indices of objects")
    return np.asarray(found, dtype=np.uint8)


def run_lengths(found: Any, size: Size) -> Rle:
    """COCO's run lengths, compressed or not, of a mask as large as its picture (height, width)."""
    sides, counts = field(found, "size", list), found.get("counts")
    if [number(side, "size") for side in sides] != list(size):
        raise ExampleError(f"a mask of {_by(sides[:2])} pixels for a picture of {_by(size)}")
    if isinstance(counts, str):
        # Written anew, so that equal masks are equal texts whoever wrote them.
        counts = rle.run_lengths(counts)
    return rle.from_runs([number(run, "counts") for run in typed(counts, list, "counts")], *size)


def polygons(found: Any, size: Size) -> Rle:
    """Polygons together, each ``[x0, y0, x1, y1 ...]`` or ``[[x0, y0], [x1, y1] ...]``, rasterised as COCO does.

    Ones of fewer than three corners cover nothing, as in the data sets' own code.
    """
    flat = [corners(polygon) for polygon in typed(found, list, "a mask")]
    limit = 4.0 * max(size)
    for polygon in flat:
        xy = np.clip(np.reshape(polygon, (-1, 2)), -limit, limit)
        if np.abs(np.diff(xy, axis=0)).sum() > MAX_OUTLINE * sum(size):
            raise ExampleError(f"a polygon of {len(xy)} corners with an endless outline")
    return rle.from_polygons([polygon for polygon in flat if len(polygon) >= 6], *size)


def corners(polygon: Any) -> list[float]:
    """One polygon as ``x0, y0, x1, y1 ...`` in pixels."""
    values = typed(polygon, list, "a polygon")
    if any(isinstance(value, list) for value in values):
        if any(len(typed(value, list, "a corner")) != 2 for value in values):
            raise ExampleError("a corner needs x and y")
        values = [value for corner in values for value in corner]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not -FAR < value < FAR:
            raise ExampleError(f"{ascii(value)[:40]} is no coordinate")
    if len(values) % 2:
        raise ExampleError(f"a polygon of {len(values)} values, which are no pairs of x and y")
    return [float(value) for value in values]


def seen(masks: Sequence[Rle]) -> tuple[Rle, ...]:
    """The masks, if any of them covers anything: an empty one cannot be painted."""
    if not any(mask.counts for mask in masks):
        raise ExampleError("its mask is empty" + (" in every frame" if len(masks) > 1 else ""))
    return tuple(masks)


def _file(root: Path, path: str) -> Path:
    """A plain file: a pipe would never end."""
    place = below(root, path)
    if not place.is_file():
        raise ExampleError(f"{path}: no such file")
    return place


def _by(sides: Sequence[Any]) -> str:
    return " x ".join(ascii(side)[:20] for side in sides)
