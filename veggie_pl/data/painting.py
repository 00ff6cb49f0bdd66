"""Mask -> painted clip and back: how a region is told and read in pixels."""

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

OPACITY = 0.7  # measured on the authors' outputs: 0.3 source + 0.7 colour
COLORS: dict[str, tuple[float, float, float]] = {
    "red": (1.0, -1.0, -1.0),
    "green": (-1.0, 1.0, -1.0),
    "blue": (-1.0, -1.0, 1.0),
    "yellow": (1.0, 1.0, -1.0),
    "cyan": (-1.0, 1.0, 1.0),
    "magenta": (1.0, -1.0, 1.0),
}
_BLIND = 0.3  # distance of source and colour, in pixel units of [-1, 1], below which a fill cannot be seen


def paint(
    clip: Float[Tensor, "*lead 3 h w"], mask: Bool[Tensor, "*lead h w"] | Float[Tensor, "*lead h w"], fill: str
) -> Float[Tensor, "*lead 3 h w"]:
    """Fill a region: ``source * (1 - 0.7 m) + colour * 0.7 m``.

    Args:
        clip: Pixels in [-1, 1].
        mask: Region, boolean or soft in [0, 1].
        fill: A key of ``COLORS``.
    """
    share = OPACITY * mask.to(clip.dtype)[..., None, :, :]
    return clip + share * (_color(fill, clip) - clip)


def unpaint(
    edited: Float[Tensor, "*lead 3 h w"], source: Float[Tensor, "*lead 3 h w"], fill: str, threshold: float = 0.5
) -> Bool[Tensor, "*lead h w"]:
    """Read the region back from an output.

    Per pixel, how far the output has moved from the source towards the colour, as a share of a whole fill:
    ``<edited - source, colour - source> / (0.7 |colour - source|^2)``; the region is where that is at least
    ``threshold``. Movement across that direction does not count, so noise counts half. Where the source has the fill's
    colour already a fill cannot be seen: such pixels follow the majority of the pixels that can, around them.

    Args:
        edited: The model's output in [-1, 1].
        source: What it was given.
        fill: A key of ``COLORS``.
        threshold: Share of a whole fill that counts as filled.
    """
    way = _color(fill, source) - source
    length = way.square().sum(-3)
    share = ((edited - source) * way).sum(-3) / (OPACITY * length.clamp(min=1e-6))
    region = share >= threshold
    blind = length < _BLIND**2
    return _fill_in(region, blind) if bool(blind.any()) else region


def _fill_in(region: Bool[Tensor, "*lead h w"], blind: Bool[Tensor, "*lead h w"]) -> Bool[Tensor, "*lead h w"]:
    """Give blind pixels the label that is commoner among the seen pixels on the border of their connected piece."""
    height, width = region.shape[-2:]
    regions = region.reshape(-1, height, width).cpu().numpy().copy()
    blinds = blind.reshape(-1, height, width).cpu().numpy()
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for frame, unseen in zip(regions, blinds, strict=True):
        count, pieces = cv2.connectedComponents(unseen.astype(np.uint8), connectivity=4)
        for piece in range(1, count):
            inside = pieces == piece
            border = cv2.dilate(inside.astype(np.uint8), cross).astype(bool) & ~unseen
            frame[inside] = border.any() and frame[border].mean() > 0.5
    return torch.from_numpy(regions).reshape(region.shape).to(region.device)


def _color(fill: str, like: Tensor) -> Tensor:
    if fill not in COLORS:
        raise ValueError(f"unknown fill {fill!r}; the choices are {', '.join(COLORS)}")
    return like.new_tensor(COLORS[fill])[:, None, None]
