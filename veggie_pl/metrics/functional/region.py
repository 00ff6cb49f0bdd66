"""Measures of a region: how well a mask read from an output agrees with the true one."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

BOUNDARY_TOLERANCE = 0.008  # share of the image diagonal, as in DAVIS


def region_jaccard(pred: Bool[Tensor, "*lead h w"], target: Bool[Tensor, "*lead h w"]) -> Float[Tensor, "*lead"]:
    """Intersection over union of each frame, in [0, 1]; J of DAVIS (Perazzi et al., CVPR 2016).

    Two empty masks agree: 1. The published J is the mean over the frames of a clip, then over clips, so that a frame
    in which the object is a speck, or out of sight, weighs as much as any other.
    """
    return _share((pred & target).sum((-2, -1)), (pred | target).sum((-2, -1)))


def region_iou(pred: Bool[Tensor, "*lead f h w"], target: Bool[Tensor, "*lead f h w"]) -> Float[Tensor, "*lead"]:
    """Intersection over union of each clip as one volume, in [0, 1]; its mean over clips is the published mIoU.

    Not J: intersection and union are summed over the frames first and divided once, so a frame weighs as much as the
    object's area in it, and a wrong speck in a frame without the object costs that speck, not a whole frame. Two masks
    that are empty throughout agree: 1.
    """
    return _share((pred & target).sum((-3, -2, -1)), (pred | target).sum((-3, -2, -1)))


def boundary_f(
    pred: Bool[Tensor, "*lead h w"], target: Bool[Tensor, "*lead h w"], tolerance: float = BOUNDARY_TOLERANCE
) -> Float[Tensor, "*lead"]:
    """F of the contours of each frame, in [0, 1]; F of DAVIS 2017 (Perazzi et al., CVPR 2016, section 4.2).

    A contour pixel is right if the other contour passes within ``ceil(tolerance * diagonal)`` pixels of it (a disk).
    Precision is the share of right pixels on the predicted contour, recall on the true one, F their harmonic mean. Two
    frames without contour agree: 1; if only one has none: 0.

    Args:
        pred: Region that was found.
        target: True region.
        tolerance: Share of the image diagonal.
    """
    height, width = pred.shape[-2:]
    radius = math.ceil(tolerance * math.hypot(height, width))
    pred_edge, target_edge = _contour(pred), _contour(target)
    num_pred, num_target = pred_edge.sum((-2, -1)), target_edge.sum((-2, -1))
    right_pred = (pred_edge & _near(target_edge, radius)).sum((-2, -1))
    right_target = (target_edge & _near(pred_edge, radius)).sum((-2, -1))
    precision, recall = _share(right_pred, num_pred), _share(right_target, num_target)  # no contour: 1, the other 0
    total = precision + recall
    return torch.where(total > 0, 2 * precision * recall / total, 0.0)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part.double() / whole, 1.0)


def _contour(mask: Bool[Tensor, "*lead h w"]) -> Bool[Tensor, "*lead h w"]:
    """Pixels that differ from the one to the right, below, or below right (``seg2bmap`` of D. Martin, as DAVIS has it).

    The border of the image is no contour: the last row looks to the right only, the last column downwards only.
    """
    padded = F.pad(mask.float().reshape(-1, *mask.shape[-2:]), (0, 1, 0, 1), mode="replicate") > 0.5
    here = padded[:, :-1, :-1]
    edge = (here ^ padded[:, :-1, 1:]) | (here ^ padded[:, 1:, :-1]) | (here ^ padded[:, 1:, 1:])
    return edge.reshape(mask.shape)


def _near(edge: Bool[Tensor, "*lead h w"], radius: int) -> Bool[Tensor, "*lead h w"]:
    """Dilation by a disk: pixels whose distance to the contour is at most ``radius``."""
    steps = torch.arange(-radius, radius + 1, device=edge.device)
    disk = (steps[:, None].square() + steps.square() <= radius**2).float()
    count = F.conv2d(edge.float().reshape(-1, 1, *edge.shape[-2:]), disk[None, None], padding=radius)
    return (count > 0.5).reshape(edge.shape)
