"""Measures of a region: how well a mask read from an output agrees with the true one."""

import math

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BOUNDARY_TOLERANCE = 0.008  # fraction of the image diagonal, as in DAVIS
_CHUNK = 2**18  # pixels at a time: what is in work stays in a processor's cache


def region_jaccard(pred: Bool[Tensor, "*lead h w"], target: Bool[Tensor, "*lead h w"]) -> Float[Tensor, "*lead"]:
    """Compute the intersection over union of each frame, in [0, 1]; J of DAVIS (Perazzi et al., CVPR 2016).

    Two empty masks agree: 1. The published J is the mean over the frames of a clip, then over clips, so that a frame
    in which the object is a speck, or out of sight, weighs as much as any other.
    """
    return _ratio(_count(pred & target), _count(pred | target))


def region_iou(pred: Bool[Tensor, "*lead f h w"], target: Bool[Tensor, "*lead f h w"]) -> Float[Tensor, "*lead"]:
    """Compute the intersection over union of each clip as one volume, in [0, 1]; the published mIoU is its mean.

    Not J: intersection and union are summed over the frames first and divided once, so a frame weighs as much as the
    object's area in it, and a wrong speck in a frame without the object costs that speck, not a whole frame. Two masks
    that are empty throughout agree: 1.
    """
    return _ratio(*region_counts(pred, target))


def region_counts(
    pred: Bool[Tensor, "*lead f h w"], target: Bool[Tensor, "*lead f h w"]
) -> tuple[Int[Tensor, "*lead"], Int[Tensor, "*lead"]]:
    """Count the pixels of intersection and union of each clip.

    cIoU is a measure of a set, not of a clip: the sum of all intersections over the sum of all unions, by LISA's rule
    (arXiv:2308.00692, ``dvlab-research/LISA``, ``train_ds.py``). It is the mean of the clips' IoU weighted by their
    unions, so that large objects decide it, and two empty masks weigh nothing.
    """
    return _count(pred & target).sum(-1), _count(pred | target).sum(-1)


def boundary_f(
    pred: Bool[Tensor, "*lead h w"], target: Bool[Tensor, "*lead h w"], tolerance: float = BOUNDARY_TOLERANCE
) -> Float[Tensor, "*lead"]:
    """Compute F of the contours of each frame, in [0, 1]: DAVIS 2017 (Perazzi et al., CVPR 2016, section 4.2).

    A contour pixel is right if the other contour passes within ``ceil(tolerance * diagonal)`` pixels of it (a disk).
    Precision is the fraction of right pixels on the predicted contour, recall on the true one, F their harmonic mean.
    Two frames without contour agree: 1; if only one has none: 0. Computed on the CPU.

    Args:
        pred: Region that was found.
        target: True region.
        tolerance: Fraction of the image diagonal.
    """
    (height, width), lead = pred.shape[-2:], pred.shape[:-2]
    radius = math.ceil(tolerance * math.hypot(height, width))
    frames = [mask.reshape(-1, height, width).cpu().numpy() for mask in (pred, target)]
    step = max(1, _CHUNK // (height * width))
    counts = [
        _agreement(frames[0][start : start + step], frames[1][start : start + step], radius)
        for start in range(0, len(frames[0]), step)
    ]
    joined = torch.from_numpy(np.concatenate(counts, axis=1)) if counts else torch.zeros(4, 0, dtype=torch.int64)
    num_pred, right_pred, num_target, right_target = joined.to(pred.device).reshape(4, *lead)
    precision, recall = _ratio(right_pred, num_pred), _ratio(right_target, num_target)  # no contour: 1, the other 0
    total = precision + recall
    return torch.where(total > 0, 2 * precision * recall / total, 0.0)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part.double() / whole, 1.0)


def _count(mask: Bool[Tensor, "*lead h w"]) -> Int[Tensor, "*lead"]:
    """Count the pixels of each frame; bytes are summed in half the time of truth values."""
    return mask.view(torch.uint8).flatten(-2).sum(-1, dtype=torch.int32)


def _agreement(
    pred: Bool[np.ndarray, "n h w"], target: Bool[np.ndarray, "n h w"], radius: int
) -> Int[np.ndarray, "4 n"]:
    """Count each frame's pixels of the predicted contour, those that are right, and the same of the true one."""
    window = _window(pred | target)
    edges = [_contour(mask[window], radius) for mask in (pred, target)]
    pixels = [np.flatnonzero(edge) for edge in edges]
    sums = [cv2.integral(edge.view(np.uint8)) for edge in edges]  # (rows + 1, columns + 1)
    columns = edges[0].shape[1]
    size = (len(edges[0]) - radius) // len(pred) * columns  # pixels from one frame to the next
    rows = []
    for own, other in ((0, 1), (1, 0)):
        far = _beyond(pixels[own], sums[other], radius)
        all_of, wrong = (
            np.bincount((found - radius * columns) // size, minlength=len(pred)) for found in (pixels[own], far)
        )
        rows += [all_of, all_of - wrong]
    return np.stack(rows)


def _window(masks: Bool[np.ndarray, "n h w"]) -> tuple[slice, slice, slice]:
    """Find the window of the frames that holds all contours: a pixel more than the masks on each side."""
    flat = np.any(masks, axis=0)
    if not flat.any():
        return np.s_[:, :1, :1]
    top, bottom = np.flatnonzero(np.any(flat, axis=1))[[0, -1]].tolist()
    left, right = np.flatnonzero(np.any(flat, axis=0))[[0, -1]].tolist()
    return np.s_[:, max(top - 1, 0) : bottom + 2, max(left - 1, 0) : right + 2]


def _contour(masks: Bool[np.ndarray, "n h w"], margin: int) -> Bool[np.ndarray, "rows columns"]:
    """Mark pixels that differ from the one to the right, below, or below right (D. Martin's ``seg2bmap``, as in DAVIS).

    The border of the image is no contour: the last row looks to the right only, the last column downwards only.

    Args:
        masks: Frames.
        margin: Empty rows above the first frame, between frames and below, and columns on both sides.

    Returns:
        All frames below each other.
    """
    num, height, width = masks.shape
    sheet = np.zeros((margin + num * (height + margin), width + 2 * margin), dtype=bool)
    edge = sheet[margin:].reshape(num, height + margin, -1)[:, :height, margin : margin + width]
    np.not_equal(masks[:, :, :-1], masks[:, :, 1:], out=edge[:, :, :-1])
    differ = masks[:, :-1] != masks[:, 1:]
    edge[:, :-1] |= differ
    differ = np.not_equal(masks[:, :-1, :-1], masks[:, 1:, 1:], out=differ[:, :, 1:])
    edge[:, :-1, :-1] |= differ
    return sheet


def _beyond(
    pixels: Int[np.ndarray, " n"], sums: Int[np.ndarray, "rows columns"], radius: int
) -> Int[np.ndarray, " far"]:
    """Keep those pixels that are farther than ``radius`` from every contour pixel.

    A disk of pixels is a union of rectangles about its centre, and whether a rectangle holds a contour pixel is told by
    four numbers of the contour's integral image. This takes time for the contour's pixels only, where a distance
    transform, or a dilation, takes it for all of them.

    Args:
        pixels: Indices into the flat contour that ``sums`` was made of, at least ``radius`` away from its border.
        sums: Integral image of the other contour.
        radius: In pixels.
    """
    columns = sums.shape[1]
    flat = sums.ravel()
    far, corner = pixels, pixels + pixels // (columns - 1)  # an integral image has one column more
    for up, left in _rectangles(radius):
        above, below = corner - up * columns, corner + (up + 1) * columns
        found = flat[below + left + 1] - flat[below - left] - flat[above + left + 1] + flat[above - left]
        rest = found == 0
        far, corner = far[rest], corner[rest]
    return far


def _rectangles(radius: int) -> list[tuple[int, int]]:
    """List half heights and half widths whose union is the disk x^2 + y^2 <= radius^2, the largest first."""
    tallest = {math.isqrt(radius**2 - up**2): up for up in range(radius + 1)}  # of each width
    return sorted(
        ((up, left) for left, up in tallest.items()), key=lambda sides: -(2 * sides[0] + 1) * (2 * sides[1] + 1)
    )
