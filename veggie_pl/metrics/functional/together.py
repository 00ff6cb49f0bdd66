"""One number for one output: the geometric mean of what it must be all at once."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def geometric_mean(axes: list[Float[Tensor, " b"]], weights: list[float]) -> Float[Tensor, " b"]:
    r"""Compute :math:`(\prod_k a_k^{w_k})^{1 / \sum w_k}` of each sample: an axis of 0 makes it 0.

    Per sample and before any mean over samples, as the GeoAgg of VEFX-Bench (arXiv:2604.16272): what is right on one
    axis of one clip cannot make up for what is wrong on another.

    Args:
        axes: In [0, 1]. NaN where an axis is not defined for a sample: it is left out there.
        weights: One an axis, more than 0.

    Returns:
        In [0, 1]; NaN where no axis is defined.
    """
    found = [_mean(own, weights) for own in zip(*(axis.tolist() for axis in axes), strict=True)]
    return torch.tensor(found, dtype=torch.float64, device=axes[0].device)


def _mean(values: tuple[float, ...], weights: list[float]) -> float:
    """Compute it for one sample, in plain numbers: powers of many at once differ in the last bit by their number."""
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if not math.isnan(value)]
    total = sum(weight for _, weight in known)
    return math.prod(value ** (weight / total) for value, weight in known) if known else math.nan
