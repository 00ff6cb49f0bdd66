"""Masks as pixels: an object filled by a colour, and the way back."""

import re

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

COLORS: dict[str, tuple[float, float, float]] = {  # RGB in [-1, 1]
    "red": (1.0, -1.0, -1.0),
    "green": (-1.0, 1.0, -1.0),
    "blue": (-1.0, -1.0, 1.0),
    "yellow": (1.0, 1.0, -1.0),
    "cyan": (-1.0, 1.0, 1.0),
    "magenta": (1.0, -1.0, 1.0),
}
OPACITY = 0.7  # of the fill; measured on the authors' pictures
MIN_CONTRAST = 0.25  # |colour - source| below which a filled pixel looks like an empty one


def fill_color(fill: str, like: Tensor) -> Float[Tensor, "3 1 1"]:
    """The named colour on the device and in the type of ``like``.

    Raises:
        ValueError: If there is no fill of this name.
    """
    if fill not in COLORS:
        raise ValueError(f"unknown fill colour {fill!r}; the choices are {', '.join(COLORS)}")
    return torch.tensor(COLORS[fill], device=like.device, dtype=like.dtype)[:, None, None]


def named_fill(text: str) -> str | None:
    """The fill that an instruction asks for: the last colour it names, as in "label the red star in blue"."""
    named = re.findall(rf"\b({'|'.join(COLORS)})\b", text.lower())
    return named[-1] if named else None


def paint(
    clip: Float[Tensor, "*b 3 h w"], mask: Bool[Tensor, "*b h w"] | Float[Tensor, "*b h w"], fill: str
) -> Float[Tensor, "*b 3 h w"]:
    """Fill the mask: ``0.3 source + 0.7 colour`` inside, the source itself outside.

    Args:
        clip: Pixels in [-1, 1].
        mask: Which pixels, or how much of each in [0, 1].
        fill: A key of ``COLORS``.
    """
    share = (mask.to(clip.dtype) * OPACITY).unsqueeze(-3)
    return clip + share * (fill_color(fill, clip) - clip)


def unpaint(
    edited: Float[Tensor, "*b 3 h w"], source: Float[Tensor, "*b 3 h w"], fill: str, threshold: float = 0.5
) -> Bool[Tensor, "*b h w"]:
    """Read the mask back from an edited clip.

    Each pixel's change is projected on the direction that filling would take it; the share of a whole fill that it
    went is compared with the threshold. Where the source already has the fill colour (closer than ``MIN_CONTRAST``),
    filling changes nothing that could be read, so such pixels take the answer of the nearest pixel that can be.

    Args:
        edited: What a model made of the source, in [-1, 1].
        source: The source, in [-1, 1].
        fill: A key of ``COLORS``.
        threshold: Share of a whole fill, in (0, 1), from which a pixel counts as filled.
    """
    direction = fill_color(fill, source) - source
    contrast = direction.square().sum(-3)
    share = ((edited - source) * direction).sum(-3) / (OPACITY * contrast).clamp_min(1e-6)
    mask = share >= threshold
    blind = contrast < MIN_CONTRAST**2
    return _fill_blind(mask, blind) if bool(blind.any()) else mask


def _fill_blind(mask: Bool[Tensor, "*b h w"], blind: Bool[Tensor, "*b h w"]) -> Bool[Tensor, "*b h w"]:
    """Give each blind pixel the value of the nearest seeing one; a frame without any stays empty."""
    values = mask.reshape(-1, *mask.shape[-2:]).cpu().numpy().copy()
    blinds = blind.reshape(values.shape).cpu().numpy()
    for value, unseen in zip(values, blinds, strict=True):
        if unseen.all():
            value[:] = False
        elif unseen.any():
            _, labels = cv2.distanceTransformWithLabels(
                unseen.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
            )
            by_label = np.zeros(labels.max() + 1, dtype=bool)
            by_label[labels[~unseen]] = value[~unseen]
            value[:] = by_label[labels]
    return torch.from_numpy(values).to(mask.device).view(mask.shape)
