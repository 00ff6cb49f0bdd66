"""Whether an edit is right: a yes or no that a person would give, defined on the exact answer."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.metrics.functional.fidelity import psnr

MAX_RELATIVE_ERROR = 0.25  # a quarter of the energy of the change: halfway, in amplitude, from source to target
MIN_PSNR_OUTSIDE = 20.0  # dB; an error of a tenth of the range, about where damage begins to be seen at a glance


def change_success(
    edited: Float[Tensor, "*lead f 3 h w"],
    source: Float[Tensor, "*lead f 3 h w"],
    target: Float[Tensor, "*lead f 3 h w"],
    mask: Bool[Tensor, "*lead f h w"],
    max_relative_error: float = MAX_RELATIVE_ERROR,
    min_psnr_outside: float = MIN_PSNR_OUTSIDE,
    outside: Float[Tensor, "*lead"] | None = None,
) -> Float[Tensor, "*lead"]:
    """Judge whether the edit of each clip is right: 1 or 0.

    Right is: inside the changed region ``|edited - target|^2 <= max_relative_error * |source - target|^2`` (the clip
    is at least halfway from the source to the target; leaving the source as it is has relative error 1), and outside
    of it the PSNR is at least ``min_psnr_outside`` (if there is an outside).

    Args:
        edited: Output in [-1, 1].
        source: What was given.
        target: Exact answer.
        mask: The changed region.
        max_relative_error: Largest fraction of the change's energy that may be wrong.
        min_psnr_outside: In dB.
        outside: PSNR to the target outside of the region, in dB; None where it is not known yet.

    Returns:
        NaN where source and target do not differ inside the region (or it is empty): nothing was asked that could be
        seen, and doing nothing must not count as success.
    """
    inside = mask[..., None, :, :]
    wrong = _energy(edited, target, inside)
    asked = _energy(source, target, inside)
    kept = psnr(edited, target, ~mask) if outside is None else outside
    right = (wrong <= max_relative_error * asked) & ((kept >= min_psnr_outside) | kept.isnan())
    return torch.where(asked > 0, right.double(), torch.nan)


def closeness(
    edited: Float[Tensor, "*lead f 3 h w"],
    source: Float[Tensor, "*lead f 3 h w"],
    target: Float[Tensor, "*lead f 3 h w"],
    mask: Bool[Tensor, "*lead f h w"],
) -> Float[Tensor, "*lead"]:
    r"""Tell how much of the way from source to target an edit went, in [0, 1]; ``change_success`` asks for a half.

    .. math:: \max\left(0, 1 - \frac{\| edited - target \|}{\| source - target \|}\right)

    over the changed region. 0 is the source, or anything as far from the target; NaN where they do not differ.
    """
    inside = mask[..., None, :, :]
    wrong, asked = _energy(edited, target, inside), _energy(source, target, inside)
    return torch.where(asked > 0, (1 - (wrong / asked).sqrt()).clamp(min=0), torch.nan)


def ghost(
    edited: Float[Tensor, "*lead f 3 h w"],
    source: Float[Tensor, "*lead f 3 h w"],
    target: Float[Tensor, "*lead f 3 h w"],
    mask: Bool[Tensor, "*lead f h w"],
) -> Float[Tensor, "*lead"]:
    r"""Tell how much of what was to go is still seen: 0 is gone, 1 is the source as it was.

    .. math:: \frac{\langle edited - target, source - target \rangle}{\| source - target \|^2}

    over the changed region: the opacity, fitted by least squares, with which the old content lies over the answer.
    Below 0 it has left its negative. Errors that do not look like the source, such as noise, do not count;
    ``closeness`` counts them. No published measure of what a removal leaves is known.

    Returns:
        NaN where source and target do not differ.
    """
    inside = mask[..., None, :, :]
    there = torch.where(inside, source.double() - target.double(), 0.0)
    left = ((edited.double() - target.double()) * there).sum((-4, -3, -2, -1))
    asked = there.square().sum((-4, -3, -2, -1))
    return torch.where(asked > 0, left / asked, torch.nan)


def _energy(
    one: Float[Tensor, "*lead f 3 h w"], other: Float[Tensor, "*lead f 3 h w"], region: Bool[Tensor, "*lead f 1 h w"]
) -> Float[Tensor, "*lead"]:
    difference = one.double() - other.double()
    return torch.where(region, difference.square(), 0.0).sum((-4, -3, -2, -1))
