"""Masks as COCO run lengths, the form in which record tables keep them (pycocotools does the coding)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as coco

from veggie_pl.errors import UseError

MAX_DIGITS = 7  # characters of a number: five bits each, more than any picture has pixels


class MaskError(UseError):
    """An annotation that is no mask; the message says why."""


@dataclass(frozen=True)
class Rle:
    """One frame's mask, column by column, in COCO's compressed text; empty ``counts`` is an empty mask."""

    height: int
    width: int
    counts: str = ""


def encode(mask: Bool[np.ndarray, "h w"]) -> Rle:
    """Mask -> run lengths."""
    if not mask.any():
        return Rle(*mask.shape)
    return _from_coco(coco.encode(np.asfortranarray(mask, dtype=np.uint8)))


def decode(rle: Rle) -> Bool[np.ndarray, "h w"]:
    """Run lengths -> mask.

    Raises:
        MaskError: If the runs do not fill the frame exactly.
    """
    if not rle.counts:
        return np.zeros((rle.height, rle.width), dtype=bool)
    check(rle)
    return coco.decode(_to_coco(rle)).astype(bool)  # type: ignore[no-any-return]


def to_json(rle: Rle) -> dict[str, object]:
    """Give run lengths as pycocotools takes them from JSON; an empty mask is one run, too."""
    counts = rle.counts or _from_runs([rle.height * rle.width], rle.height, rle.width)
    return {"size": [rle.height, rle.width], "counts": counts}


def check(rle: Rle) -> None:
    """Look whether the runs fill the frame; pycocotools would read past the end of memory otherwise.

    Raises:
        MaskError: If they do not.
    """
    if rle.height < 1 or rle.width < 1:
        raise MaskError(f"a mask of {rle.height} x {rle.width} pixels")
    total = sum(run_lengths(rle.counts)) if rle.counts else rle.height * rle.width
    if total != rle.height * rle.width:
        raise MaskError(f"runs of {total} pixels in a mask of {rle.height} x {rle.width}")


def run_lengths(counts: str) -> list[int]:
    """COCO's compressed text as lengths of runs, the first of them outside the mask.

    Raises:
        MaskError: If the text is cut off or a length is negative.
    """
    if not counts:
        return []
    codes = np.frombuffer(counts.encode("utf-16-le", "surrogatepass"), dtype="<u2").astype(np.int64) - 48
    if wrong := np.flatnonzero((codes < 0) | (codes >= 64)).tolist():
        raise MaskError(f"run lengths with the character {chr(codes[wrong[0]] + 48)!r}")
    last = (codes & 32) == 0  # of the characters of one number, five bits each, the lowest first
    if not last[-1]:
        raise MaskError("run lengths that are cut off")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() >= MAX_DIGITS:
        raise MaskError(f"a run length of {(ends - starts).max() + 1} characters")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, ends - starts + 1))
    values = np.add.reduceat((codes & 31) << shifts, starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (shifts[ends] + 5), 0)
    values[1::2] = values[1::2].cumsum()  # from the fourth on, each is the difference to the last but one
    values[2::2] = values[2::2].cumsum()
    if (values < 0).any():
        raise MaskError(f"a run of {values[values < 0][0]} pixels")
    return values.tolist()  # type: ignore[no-any-return]


def from_runs(runs: Sequence[int], height: int, width: int) -> Rle:
    """COCO's uncompressed lengths of runs -> run lengths.

    Raises:
        MaskError: If the runs do not fill the frame exactly.
    """
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise MaskError(f"runs of {sum(runs)} pixels in a mask of {height} x {width}")
    return _from_coco(coco.frPyObjects({"counts": list(runs), "size": [height, width]}, height, width))


def from_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> Rle:
    """COCO's polygons, each ``x0, y0, x1, y1 ...`` in pixels, together -> run lengths.

    Raises:
        MaskError: If one has fewer than three corners, an odd number of values or a value that is not finite.
    """
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2 or not np.isfinite(polygon).all():
            raise MaskError(f"a polygon of {len(polygon)} values: at least three corners x, y are needed")
    if not polygons:
        return Rle(height, width)
    limit = 4.0 * max(height, width)  # far corners change nothing inside, but would cost time
    clipped = [np.clip(np.asarray(polygon, float), -limit, limit).tolist() for polygon in polygons]
    return _from_coco(coco.merge(coco.frPyObjects(clipped, height, width)))


def union(rles: Sequence[Rle]) -> Rle:
    """What any of them covers.

    Raises:
        MaskError: If there is none or they differ in size.
    """
    sizes = {(rle.height, rle.width) for rle in rles}
    if len(sizes) != 1:
        raise MaskError(f"masks of sizes {sorted(sizes)} cannot be joined")
    full = [_to_coco(rle) for rle in rles if rle.counts]
    return _from_coco(coco.merge(full)) if full else rles[0]


def from_indices(picture: np.ndarray, values: Sequence[int]) -> Rle:
    """Pixels of an indexed (palette) picture with one of these values -> run lengths.

    Args:
        picture: Whole numbers, (height, width).
        values: Of the objects that are meant.
    """
    return encode(np.isin(picture, list(values)))


def _from_runs(runs: list[int], height: int, width: int) -> str:
    found = coco.frPyObjects({"counts": runs, "size": [height, width]}, height, width)
    return str(found["counts"].decode())


def _to_coco(rle: Rle) -> dict[str, object]:
    return {"size": [rle.height, rle.width], "counts": rle.counts.encode()}


def _from_coco(found: dict[str, object]) -> Rle:
    (height, width), counts = found["size"], found["counts"]  # type: ignore[misc]
    text = counts.decode() if isinstance(counts, bytes) else str(counts)
    rle = Rle(int(height), int(width), text)  # type: ignore[has-type]
    return rle if coco.area(_to_coco(rle)) else Rle(rle.height, rle.width)
