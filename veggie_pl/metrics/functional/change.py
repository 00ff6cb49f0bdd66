"""Where an output differs from its source, and whether it differs at all."""

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

MIN_CHANGED = 0.001  # of the pixels of a clip: below it nothing was done
MAX_REGION = 0.75  # of the pixels of a frame: what changes more than this is no local edit
_MARGIN = 0.02  # of the shorter side: the soft edge of what was changed


def changed_share(change: Bool[Tensor, "*lead f h w"]) -> Float[Tensor, "*lead"]:
    """Give the part of the pixels that changed, in [0, 1]."""
    return change.flatten(-3).double().mean(-1)


def has_changed(change: Bool[Tensor, "*lead f h w"]) -> Float[Tensor, "*lead"]:
    """Judge whether anything was done at all: 1 where at least ``MIN_CHANGED`` of the pixels changed, else 0."""
    return (changed_share(change) >= MIN_CHANGED).double()


def region_of_change(change: Bool[Tensor, "f h w"]) -> Bool[Tensor, "f h w"]:
    """Guess the region that an output was to change, where nobody has marked it, from what it did change.

    It is the largest connected patch of changed pixels of each frame (8 neighbours), widened by 2 % of the shorter side
    and at least one pixel. What changed apart from it counts as damage. Where it covers more than ``MAX_REGION`` of its
    frame, the edit is none of a region: the guess is empty, so that all of the frame counts. Computed on the CPU.

    Args:
        change: Pixels that differ from the source.
    """
    frames = change.cpu().numpy().astype(np.uint8)
    reach = max(1, round(_MARGIN * min(frames.shape[1:])))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    found = np.zeros_like(frames)
    for frame, patch in zip(frames, found, strict=True):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(frame, connectivity=8)
        if count > 1:
            largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            region = cv2.dilate((labels == largest).astype(np.uint8), brush)
            patch[:] = region if region.mean() <= MAX_REGION else 0
    return torch.from_numpy(found.astype(bool)).to(change.device)
