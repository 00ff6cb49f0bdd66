"""Measures of how frames look by themselves, without a reference: blur and noise, and no more than these."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_WINDOW = 11  # pixels of the strong blur that frames are compared with: Crete et al. 2007 use 9, scikit-image 11
_WEIGHTS = (0.2125, 0.7154, 0.0721)  # of red, green and blue in brightness, as in scikit-image
NOISE_CAP = 100.0  # 8-bit levels; even noise over the whole range has 74
_CHUNK = 2**21  # pixels at a time, so that long clips need no more memory than short ones


def blur_effect(frames: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Compute how blurred each frame is, in [0, 1]: Crete et al. 2007, "The blur effect" (SPIE 6492).

    A frame is blurred once more, along rows or columns: how much of its edges that takes away tells how sharp they
    were. The larger one of the two directions counts. Same numbers as ``skimage.measure.blur_effect``, but that a frame
    without any edge is wholly blurred: 1.
    """
    return torch.cat([_blur(part) for part in _parts(frames)]).view(frames.shape[:-3])


def _blur(frames: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    gray = brightness(frames)
    found = []
    for across in (gray, gray.transpose(-2, -1)):  # along the last axis
        sharp, soft = _edges(across), _edges(_box(across))
        inner = (..., slice(2, -1), slice(2, -1))
        before = sharp[inner].flatten(-2).sum(-1)
        lost = (sharp - soft).clamp(min=0)[inner].flatten(-2).sum(-1)
        found.append(torch.where(before > 0, (before - lost).abs() / before, 1.0))
    return torch.maximum(*found)


def noise_level(frames: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Estimate the deviation of each frame's noise in 8-bit levels: Immerkaer 1996 (CVIU 64:2), at most ``NOISE_CAP``.

    The mean answer to a filter that is blind to plain and to evenly changing areas. Fine texture passes for noise.
    """
    return torch.cat([_noise(part) for part in _parts(frames)]).view(frames.shape[:-3])


def _noise(frames: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    gray = 255 * brightness(frames)
    second = gray[..., :-2, :] - 2 * gray[..., 1:-1, :] + gray[..., 2:, :]
    both = second[..., :-2] - 2 * second[..., 1:-1] + second[..., 2:]
    return (math.sqrt(math.pi / 2) / 6 * both.abs().flatten(-2).mean(-1)).clamp(max=NOISE_CAP)


def _parts(frames: Float[Tensor, "*lead 3 h w"]) -> tuple[Float[Tensor, "n 3 h w"], ...]:
    height, width = frames.shape[-2:]
    return torch.split(frames.reshape(-1, 3, height, width), max(1, _CHUNK // (height * width)))


def brightness(frames: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead h w"]:
    """Weigh the colours as the eye does, in [0, 1], in float64."""
    weights = torch.tensor(_WEIGHTS, dtype=torch.float64, device=frames.device)
    return (((frames.double() + 1) / 2) * weights[:, None, None]).sum(-3)


def _box(gray: Float[Tensor, "*lead h w"]) -> Float[Tensor, "*lead h w"]:
    """Average along rows; borders are mirrored, with the border pixel itself repeated."""
    return F.avg_pool1d(_mirrored(gray, _WINDOW // 2).flatten(0, -2)[:, None], _WINDOW, 1).view(gray.shape)


def _edges(gray: Float[Tensor, "*lead h w"]) -> Float[Tensor, "*lead h w"]:
    """Take the size of Sobel's derivative along rows."""
    tall = _mirrored(gray.transpose(-2, -1), 1)
    smooth = ((tall[..., :-2] + 2 * tall[..., 1:-1] + tall[..., 2:]) / 4).transpose(-2, -1)
    wide = _mirrored(smooth, 1)
    return (wide[..., 2:] - wide[..., :-2]).abs() / 2


def _mirrored(values: Float[Tensor, "*lead w"], reach: int) -> Float[Tensor, "*lead wide"]:
    width = values.shape[-1]
    places = torch.arange(-reach, width + reach, device=values.device) % (2 * width)
    return values[..., torch.minimum(places, 2 * width - 1 - places)]
