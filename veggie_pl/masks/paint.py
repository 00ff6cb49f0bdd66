r"""Masks as pixels: objects filled by a colour each, and the way back.

With the source :math:`x` and the colours :math:`c_k`, RGB in [-1, 1], masks :math:`m_k \in [0, 1]` and the opacity
:math:`a`, the painted pixel is

.. math:: y = x + a \sum_k w_k (c_k - x), \qquad w_k = m_k \prod_{j > k} (1 - m_j)

The share :math:`w_k` is what is seen of object k: later objects lie over earlier ones, hard masks give each pixel to
the last object that has it. How it is read back: ``unpaint``. What pictures lose on the way: docs/PAINTING.md.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.masks.colors import OPACITY, check_fills, check_opacity, fill_color

__all__ = ["paint", "paint_objects", "visible"]


def paint(
    clip: Float[Tensor, "*b 3 h w"],
    mask: Bool[Tensor, "*b h w"] | Float[Tensor, "*b h w"],
    fill: str,
    opacity: float = OPACITY,
) -> Float[Tensor, "*b 3 h w"]:
    """Fill the mask: ``0.3 source + 0.7 colour`` inside, the source itself outside.

    Args:
        clip: Pixels in [-1, 1].
        mask: Which pixels, or how much of each in [0, 1].
        fill: A key of ``COLORS``.
        opacity: Share of the colour in a whole fill, in (0, 1].

    Raises:
        UseError: If there is no such fill, or mask or opacity are out of range.
    """
    return paint_objects(clip, mask[None], [fill], opacity)


def paint_objects(
    clip: Float[Tensor, "*b 3 h w"],
    masks: Bool[Tensor, "k *b h w"] | Float[Tensor, "k *b h w"],
    fills: Sequence[str],
    opacity: float = OPACITY,
) -> Float[Tensor, "*b 3 h w"]:
    """Fill several masks, one colour each; where masks overlap, later ones lie over earlier ones.

    Args:
        clip: Pixels in [-1, 1].
        masks: Per object: which pixels, or how much of each in [0, 1].
        fills: Keys of ``COLORS``, one per object, no two alike.
        opacity: Share of the colour in a whole fill, in (0, 1].

    Raises:
        UseError: If a fill is unknown or comes twice, their number is not that of the masks, or a mask or the opacity
            is out of range.
    """
    check_fills(fills, len(masks))
    check_opacity(opacity)
    shares = (visible(masks).to(clip.dtype) * opacity).unsqueeze(-3)
    changes = [share * (fill_color(fill, clip) - clip) for share, fill in zip(shares, fills, strict=True)]
    return clip + torch.stack(changes).sum(0)


def visible(
    masks: Bool[Tensor, "k *b h w"] | Float[Tensor, "k *b h w"],
) -> Bool[Tensor, "k *b h w"] | Float[Tensor, "k *b h w"]:
    """What is seen of each object: its share of every pixel, less what later objects cover of it.

    Raises:
        UseError: If a mask has values out of [0, 1].
    """
    if masks.dtype != torch.bool and masks.numel() and not (masks.amin() >= 0 and masks.amax() <= 1):
        raise UseError(f"masks must lie in [0, 1], but reach from {float(masks.amin()):g} to {float(masks.amax()):g}")
    uncovered = torch.ones_like(masks[0])
    seen = []
    for mask in reversed(masks.unbind()):
        seen.append(mask * uncovered)
        uncovered = uncovered * ~mask if masks.dtype == torch.bool else uncovered * (1 - mask)
    return torch.stack(seen[::-1])
