"""Where an edit may stay, by two witnesses: the mask that the model answers with, and the change that it made."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.masks.soften import soften

MARGIN, FEATHER = 0.07, 0.05  # of the shorter side: what a mask is widened by, and the width of its edge
CHANGE = 0.17  # of 2: the least difference of a channel that is taken for more than blur; twice of it stays whole
LEAST = 0.1  # share of the mask that has to have changed, else it is taken to be another thing's


def steer(
    mask: Bool[Tensor, "f h w"], edited: Float[Tensor, "f 3 h w"], source: Float[Tensor, "f 3 h w"]
) -> tuple[Float[Tensor, "f h w"], str]:
    """Tell how much of an edit may stay at each pixel.

    A pixel stays edited if it lies in the widened mask and was changed by more than the blur that edits leave around
    things.

    Args:
        mask: Where the thing is.
        edited: In [-1, 1].
        source: In [-1, 1].

    Returns:
        Shares in [0, 1]; and why they cannot be trusted, empty where they can.
    """
    if not bool(mask.any()):
        return torch.ones_like(source[:, 0]), "it was not found"
    sure = (((edited - source).abs().amax(1) - CHANGE) / CHANGE).clamp(0, 1)
    share = float((sure[mask] > 0).float().mean())
    if share < LEAST:
        return sure, f"only {share:.0%} of it was changed"
    return widened(mask) * sure, ""


def widened(mask: Bool[Tensor, "f h w"]) -> Float[Tensor, "f h w"]:
    """Give a mask its margin and edge."""
    shorter = min(mask.shape[-2:])
    return soften(mask, round(MARGIN * shorter), round(FEATHER * shorter))
