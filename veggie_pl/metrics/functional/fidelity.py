"""Measures of pixels: how close an output is to the exact answer, over the whole or over a region."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.errors import UseError

PEAK = 2.0  # peak-to-peak of pixels in [-1, 1]
PSNR_CAP = 100.0  # dB; what identical pixels score, whose PSNR would be infinite
_SIGMA, _REACH = 1.5, 5  # Gaussian window of 11 x 11 pixels: Wang et al. 2004
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr(
    edited: Float[Tensor, "*lead f 3 h w"],
    target: Float[Tensor, "*lead f 3 h w"],
    region: Bool[Tensor, "*lead f h w"] | None = None,
) -> Float[Tensor, "*lead"]:
    """Compute the peak signal-to-noise ratio of each clip in dB, at most ``PSNR_CAP``.

    One mean squared error over all pixels of the clip in the region, not a mean over frames.

    Args:
        edited: Output in [-1, 1].
        target: Exact answer.
        region: Pixels that count; None is all. NaN for a clip whose region is empty.
    """
    return psnr_of(squared_error(edited, target), region)


def squared_error(
    edited: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]
) -> Float[Tensor, "*lead h w"]:
    """Square the difference at each pixel, mean over the channels, in float64."""
    return (edited.double() - target.double()).square().mean(-3)


def psnr_of(
    error: Float[Tensor, "*lead f h w"], region: Bool[Tensor, "*lead f h w"] | None = None
) -> Float[Tensor, "*lead"]:
    """Compute ``psnr`` from a ``squared_error``, which several regions of one output share."""
    return (10 * torch.log10(PEAK**2 / mean_over(error, region))).clamp(max=PSNR_CAP)  # clamp keeps NaN


def ssim_map(edited: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead h w"]:
    """Compute the structural similarity at each pixel, mean over the channels, in [-1, 1].

    Wang et al. 2004: Gaussian window of sigma 1.5 and 11 x 11 pixels, K 0.01 and 0.03, range 2; borders are reflected.
    The window is applied as two matrix products, which for small clips takes a tenth of a convolution's time; the
    numbers are those of ``torchmetrics``.

    Raises:
        UseError: If a side has fewer than 6 pixels, so that borders cannot be reflected.
    """
    height, width = edited.shape[-2:]
    if min(height, width) <= _REACH:
        raise UseError(f"SSIM needs at least {_REACH + 1} pixels a side, got {height} x {width}")
    a, b = edited.float(), target.float()
    down, across = _window(height, a.device), _window(width, a.device)
    mean_a, mean_b, aa, bb, ab = down @ torch.stack([a, b, a * a, b * b, a * b]) @ across.T
    var_a, var_b = (aa - mean_a**2).clamp(min=0), (bb - mean_b**2).clamp(min=0)
    covariance = ab - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    similarity: Tensor = above / below
    return similarity.mean(-3)


def mean_over(
    values: Float[Tensor, "*lead f h w"], region: Bool[Tensor, "*lead f h w"] | None
) -> Float[Tensor, "*lead"]:
    """Average over a region of each clip: the changed one, or what should stay; NaN (0 / 0) if it is empty.

    Args:
        values: One per pixel.
        region: Pixels that count; None is all.
    """
    if region is None:
        return values.mean((-3, -2, -1))
    return torch.where(region, values, 0.0).sum((-3, -2, -1)) / region.sum((-3, -2, -1))


def _window(size: int, device: torch.device) -> Float[Tensor, "{size} {size}"]:
    """Make the Gaussian filter along one side with reflected borders, as a matrix; rows sum to 1."""
    steps = torch.arange(-_REACH, _REACH + 1, device=device)
    weights = torch.exp(-(steps / _SIGMA).square() / 2)
    reflected = F.pad(torch.arange(size, device=device, dtype=torch.float32)[None], (_REACH, _REACH), mode="reflect")[0]
    columns = reflected.long().unfold(0, 2 * _REACH + 1, 1)  # (size, 11): which pixels each output reads
    window = torch.zeros(size, size, device=device)
    return window.scatter_add_(1, columns, (weights / weights.sum()).expand(size, -1).contiguous())
