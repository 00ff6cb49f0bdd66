"""Tiny pictures, palette masks and JSON files of which miniatures are made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

H, W = 24, 32  # pixels of all pictures
PALETTE = [0, 0, 0, 236, 95, 103, 249, 145, 87, 250, 200, 99]  # Ref-YouTube-VOS's own first colours


def save_picture(path: Path, seed: int, size: tuple[int, int] = (H, W)) -> None:
    """A smooth picture, other for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BILINEAR).save(path, quality=95)


def save_palette(path: Path, objects: np.ndarray) -> None:
    """Numbers of objects as an indexed PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(objects.astype(np.uint8))
    picture.putpalette(PALETTE)
    picture.save(path)


def save_json(path: Path, found: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))


def box(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = (H, W)) -> np.ndarray:
    """A mask of rows ``top .. bottom - 1`` and columns ``left .. right - 1``."""
    mask = np.zeros(size, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def corners(top: int, left: int, bottom: int, right: int) -> list[list[float]]:
    """The same region as a polygon: COCO counts a pixel by its centre, so edges lie between pixels."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def runs(mask: np.ndarray) -> list[int]:
    """Lengths of runs down the columns, the first outside: written after COCO's description, not with its code."""
    counts, inside = [0], False
    for value in mask.T.ravel().tolist():
        if value != inside:
            counts.append(0)
            inside = value
        counts[-1] += 1
    return counts
