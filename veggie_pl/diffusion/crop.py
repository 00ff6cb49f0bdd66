"""Sampling that computes only around the region where it is free, if that tells the same as the whole picture."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Num, Shaped
from torch import Tensor

from veggie_pl.diffusion.sampler import Latents, Prediction

CONTEXT = 0.125  # of the shorter side: how far a crop reaches beyond the region
WORTH = 0.6  # share of the picture above which a crop saves too little
TOLERANCE = 0.05  # relative difference in the region, crop to whole, up to which the crop is taken


@dataclass(frozen=True)
class Crop:
    """Rows and columns of latents."""

    rows: slice
    columns: slice

    def of(self, latents: Shaped[Tensor, "*lead h w"]) -> Shaped[Tensor, "*lead h2 w2"]:
        """Take what lies inside."""
        return latents[..., self.rows, self.columns]


def crop_around(cells: Bool[Tensor, "b f h w"], multiple: int) -> Crop | None:
    """Find the smallest crop around a region, in all frames, with context; None where it is most of the picture.

    Args:
        cells: The region.
        multiple: Of the crop's sides, as the network takes them.
    """
    height, width = cells.shape[-2:]
    context = round(CONTEXT * min(height, width))
    rows = _span(cells.any(-1).flatten(0, 1).any(0), context, multiple)
    columns = _span(cells.any(-2).flatten(0, 1).any(0), context, multiple)
    if rows is None or columns is None:
        return None
    crop = Crop(rows, columns)
    area = crop.of(cells).shape[-2:].numel()
    return crop if area <= WORTH * height * width else None


def cropped(
    whole: Prediction,
    part: Prediction,
    crop: Crop,
    cells: Bool[Tensor, "b f h w"],
    tolerance: float = TOLERANCE,
    tell: Callable[[float, bool], None] = lambda error, taken: None,
) -> Prediction:
    """Make what predicts the whole picture at the first step and, if that does as well, only the crop at later ones.

    At the first step both are computed and compared in the region; a difference above the tolerance goes on with the
    whole picture. Outside the crop the last prediction of the whole stays: there the latents are constrained.

    Args:
        whole: Predicts the picture.
        part: Predicts the crop.
        crop: Its place.
        cells: Where the latents are free.
        tolerance: Of the root mean squared difference in the region, relative to what the whole predicts there.
        tell: Told that difference, and whether the crop is taken.
    """
    first: list[Latents] = []
    narrow = False

    def predict(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        nonlocal narrow
        if first and not narrow:
            return whole(noisy, timestep)
        near = part(crop.of(noisy), timestep)
        if not first:
            first.append(whole(noisy, timestep))
            free = crop.of(cells)[:, :, None].expand_as(near)
            known = crop.of(first[0])[free]
            error = float(torch.linalg.vector_norm((near[free] - known).float()) / torch.linalg.vector_norm(known))
            narrow = error <= tolerance
            tell(error, narrow)
            return first[0]
        filled = first[0].clone()
        filled[..., crop.rows, crop.columns] = near
        return filled

    return predict


def _span(touched: Bool[Tensor, " n"], context: int, multiple: int) -> slice | None:
    places = touched.nonzero().flatten().tolist()
    if not places:
        return None
    start, stop, size = places[0] - context, places[-1] + 1 + context, len(touched)
    length = min(-(-(min(stop, size) - max(start, 0)) // multiple) * multiple, size)
    start = min(max(start, 0), size - length)
    return slice(start, start + length)
