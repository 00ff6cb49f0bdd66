"""An edit made at the model's size, brought back to the source's."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.video.clip import resize

REACH = 2  # pixels of the model that a window reaches to each side
SMOOTH = 0.01  # of 4: variance of a source's window from which on its detail is taken to follow the edit


def at_source_size(
    edited: Float[Tensor, "f 3 small_h small_w"], small: Float[Tensor, "f 3 small_h small_w"], source: Clip
) -> Clip:
    r"""Bring an edit made at the model's size back to the source's size.

    What is enlarged is the *change*, not the picture, and what of the source is finer than that follows it:

    .. math:: y = x + \uparrow (\hat y - \hat x) + \uparrow A \, (x - \uparrow \hat x), \qquad
              A = \mathrm{cov}(\hat y - \hat x, \hat x) (\mathrm{cov}(\hat x, \hat x) + \epsilon I)^{-1}

    with source x, edit y, small hats, over windows and the three colours. A is how the change goes with the source, as
    in the guided filter (arXiv:1505.00996), whose regression is of the edit itself: -1 where a thing was removed, whose
    outline then goes with it; what a colour was changed by where it was recoloured; 0 where the edit is the source or
    lies flat on it. So an edit that changes nothing returns the source exactly, and so does every pixel that no changed
    pixel of the model reaches.

    Args:
        edited: The edit.
        small: The source as the model saw it.
        source: The source at its own size.
    """
    height, width = source.shape[-2:]
    change = edited - small
    whole = source + resize(change, height, width)
    if (height, width) != tuple(small.shape[-2:]):
        follows = resize(_follows(change, small).flatten(1, 2), height, width).reshape(-1, 3, 3, height, width)
        detail = source - resize(small, height, width)
        whole = whole + (follows * detail[:, None]).sum(2)
    return whole.clamp(-1, 1)


def _follows(change: Float[Tensor, "f 3 h w"], small: Float[Tensor, "f 3 h w"]) -> Float[Tensor, "f 3 3 h w"]:
    """Regress the change on the source around each pixel: colours of the change, then those of the source."""
    own = _covariance(small, small).permute(0, 3, 4, 1, 2) + SMOOTH * torch.eye(3, device=small.device)
    both = _covariance(small, change).permute(0, 3, 4, 1, 2)
    slopes = torch.linalg.solve(own, both).permute(0, 4, 3, 1, 2)
    return torch.where((change != 0).any(1)[:, None, None], slopes, 0)


def _covariance(one: Float[Tensor, "f 3 h w"], other: Float[Tensor, "f 3 h w"]) -> Float[Tensor, "f 3 3 h w"]:
    products = one[:, :, None] * other[:, None]
    return _mean(products.flatten(1, 2)).view_as(products) - _mean(one)[:, :, None] * _mean(other)[:, None]


def _mean(planes: Float[Tensor, "f c h w"]) -> Float[Tensor, "f c h w"]:
    """Average over windows; beyond the border lies the border."""
    return F.avg_pool2d(F.pad(planes, (REACH,) * 4, mode="replicate"), 2 * REACH + 1, 1)
