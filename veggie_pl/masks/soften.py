"""Masks with a margin: what may be changed around a thing, with an edge that is not seen."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.errors import UseError


def soften(mask: Bool[Tensor, "*b h w"], margin: int, feather: int) -> Float[Tensor, "*b h w"]:
    """Widen masks and fade their edge: 1 up to ``margin`` pixels from the mask, 0 from ``margin + feather + 1`` on.

    Between them it falls in equal steps. Distances are along rows and columns, whichever is longer.

    Args:
        mask: Frames.
        margin: Pixels, 0 or more.
        feather: Pixels with a value between 0 and 1, 0 or more.

    Raises:
        UseError: If a number is below 0.
    """
    if margin < 0 or feather < 0:
        raise UseError(f"a margin and a feather have 0 or more pixels, got {margin} and {feather}")
    region = _widened(mask.reshape(-1, 1, *mask.shape[-2:]).float(), margin)
    total = region
    for _ in range(feather):
        region = _widened(region, 1)
        total = total + region
    return (total / (feather + 1)).view(mask.shape)


def mix_region(
    edited: Float[Tensor, "*b 3 h w"], source: Float[Tensor, "*b 3 h w"], region: Float[Tensor, "*b h w"]
) -> Float[Tensor, "*b 3 h w"]:
    """Take the edit inside a region and the source outside of it, to the last bit where the region is 0 or 1."""
    share = region.unsqueeze(-3)
    mixed = torch.lerp(source, edited, share)
    return torch.where(share <= 0, source, torch.where(share >= 1, edited, mixed))


def _widened(frames: Float[Tensor, "n 1 h w"], reach: int) -> Float[Tensor, "n 1 h w"]:
    return F.max_pool2d(frames, 2 * reach + 1, 1, padding=reach) if reach else frames
