"""How much the error at a level of noise counts in rectified flow."""

from typing import Literal

import torch
from diffusers.training_utils import compute_loss_weighting_for_sd3
from jaxtyping import Float
from torch import Tensor

Weighting = Literal["none", "sigma_sqrt", "cosmap", "bell"]


def flow_weight(
    weighting: Weighting, sigma: Float[Tensor, " b"], table: Float[Tensor, " n"] | None = None
) -> Float[Tensor, " b"]:
    """Give the factor on the squared error of the slope.

    Args:
        weighting: "none": 1. Two of SD3 (arXiv:2403.03206, Sec. 3.1), by diffusers' ``compute_loss_weighting_for_sd3``:
            "sigma_sqrt", ``sigma ** -2``, and "cosmap", ``2 / (pi (1 - 2 sigma + 2 sigma ** 2))``. "bell", which
            DiffSynth trains Wan with, as does Kiwi-Edit: ``exp(-2 (sigma - 1/2) ** 2)`` minus its minimum over the
            table, so scaled that the table's mean is 1.
        sigma: Levels of noise in (0, 1].
        table: All levels that training may draw, for "bell".
    """
    if weighting != "bell":
        weight: Tensor = compute_loss_weighting_for_sd3(weighting, sigma)
        return weight
    assert table is not None, "bell is scaled over a table"
    least = _bell(table).min()
    mean = (_bell(table) - least).mean()
    return ((_bell(sigma) - least) / mean).float()


def _bell(sigma: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    return torch.exp(-2 * (sigma.double() - 0.5) ** 2)
