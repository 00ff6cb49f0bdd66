r"""The way back from a painted clip: whose each pixel is, by how much, and how sure that is.

With source :math:`x`, edit :math:`y` and opacity :math:`a`, the change is :math:`d = (y - x) / a`; that of a whole fill
of object k would be :math:`v_k = c_k - x`. A pixel is read as the nearest point on the lines from "untouched" to the
whole fills; sums are over the pixel alone, or over a Gaussian window around it:

.. math:: (k, s) = \arg\min_{k,\, s \in [0, 1]} \sum \| d - s v_k \|^2, \qquad
          s_k = \mathrm{clip}\left(\frac{\sum \langle d, v_k \rangle}{\sum \| v_k \|^2}, 0, 1\right)

It belongs to object k if its share s reaches the threshold, else to none. The colours are corners of the RGB cube,
which holds all sources, so that no two of these lines overlap: exact paint is read back exactly.

Where the source already has the colour (:math:`\| v_k \|` below ``MIN_CONTRAST``), a fill changes nothing that could be
read. Such a blind pixel takes the share of the nearest pixel that is not blind, unless it shows more of another colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.masks.colors import OPACITY, check_fills, check_opacity, fill_color

MIN_CONTRAST = 0.25  # |colour - source| below which a filled pixel looks like an empty one
SHARPNESS = 3.0  # of beliefs; 3 comes closest to the true intersection over union, see docs/PAINTING.md
SPECK = 0.001  # share of a frame: a region that small does not matter much to the confidence


@dataclass(frozen=True)
class DecodedMask:
    """What is read back from an edited clip; for several objects, each field has them as its first axis.

    Args:
        share: How much of a whole fill each pixel took, in [0, 1]; at most one object has a share of a pixel.
        mask: Where the share reaches the threshold.
        confidence: Per frame, in [0, 1]; see ``confidence``.
    """

    share: Float[Tensor, "*n h w"]
    mask: Bool[Tensor, "*n h w"]
    confidence: Float[Tensor, "*n"]


def decode_mask(
    edited: Float[Tensor, "*b 3 h w"],
    source: Float[Tensor, "*b 3 h w"],
    fill: str,
    threshold: float = 0.5,
    opacity: float = OPACITY,
    window: float = 0.0,
) -> DecodedMask:
    """Read one object back; see ``read_objects``."""
    read = read_objects(edited, source, [fill], threshold, opacity, window)
    return DecodedMask(read.share[0], read.mask[0], read.confidence[0])


def read_objects(
    edited: Float[Tensor, "*b 3 h w"],
    source: Float[Tensor, "*b 3 h w"],
    fills: Sequence[str],
    threshold: float = 0.5,
    opacity: float = OPACITY,
    window: float = 0.0,
) -> DecodedMask:
    """Read objects of one colour each back.

    Args:
        edited: What a model or a codec made of the source, in [-1, 1].
        source: The source, in [-1, 1].
        fills: Keys of ``COLORS``, one per object.
        threshold: Share of a whole fill, in (0, 1), from which a pixel counts as filled.
        opacity: As it was painted, in (0, 1].
        window: Sigma, in pixels, of the Gaussian window that a share is fitted to; 0 is the pixel alone.

    Raises:
        UseError: If a fill is unknown or comes twice, or a number is out of range.
    """
    check_fills(fills, len(fills))
    check_opacity(opacity)
    if not 0 < threshold < 1:
        raise UseError(f"the threshold of a share must lie in (0, 1), got {threshold}")
    if not window >= 0:
        raise UseError(f"the window of a share has a sigma of at least 0 pixels, got {window}")
    change = edited - source
    energy = _over_window(change.square().sum(-3), window) / opacity**2
    shares, costs, blinds, beliefs = [], [], [], []
    for fill in fills:
        whole = fill_color(fill, source) - source
        along = _over_window((change * whole).sum(-3), window)
        contrast = _over_window(whole.square().sum(-3), window)
        blind = contrast < MIN_CONTRAST**2
        share = (along / (opacity * contrast).clamp_min(1e-6)).clamp(0, 1).where(~blind, 0)
        shares.append(share)
        costs.append(share * (share * contrast - 2 * along / opacity))
        blinds.append(blind)
        beliefs.append(_belief(energy, energy - 2 * along / opacity + contrast, threshold))
    winner = torch.stack(costs).argmin(0)
    won = torch.stack([winner == number for number in range(len(fills))])
    share = torch.stack(shares).where(won, 0)
    belief = torch.stack(beliefs).where(won, 0)
    for number, blind in enumerate(blinds):
        if bool(blind.any()):
            near = _nearest_seeing(share[number], blind)
            taken = blind & (near > share.sum(0))
            own = torch.arange(len(fills), device=share.device).view(-1, *[1] * taken.ndim) == number
            share = torch.where(taken & own, near, share.where(~taken, 0))
            belief = belief.where(~(blind & own), 0.5)
    mask = share >= threshold
    return DecodedMask(share, mask, confidence(mask, belief))


def confidence(mask: Bool[Tensor, "*n h w"], belief: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n"]:
    r"""How far a mask is borne out by its pixels, per frame.

    .. math:: C = \frac{\epsilon + \sum_{p \in M} b_p}{\epsilon + |M| + \sum_{p \notin M} b_p}

    the overlap of mask and beliefs, a soft intersection over union. 1: all pixels are untouched or wholly filled, such
    as in exact paint or in the source itself. The area of ``SPECK`` is :math:`\epsilon`: without it the least noise
    would take all confidence from an empty mask.

    Args:
        mask: What was read.
        belief: That a pixel is filled, in [0, 1]; a half where nothing can be seen.
    """
    speck = SPECK * mask.shape[-1] * mask.shape[-2]
    inside, outside = belief.where(mask, 0).sum((-2, -1)), belief.where(~mask, 0).sum((-2, -1))
    return (speck + inside) / (speck + mask.sum((-2, -1)) + outside)


def _belief(
    to_source: Float[Tensor, "*b h w"], to_fill: Float[Tensor, "*b h w"], threshold: float
) -> Float[Tensor, "*b h w"]:
    r"""How likely a pixel is filled, as the memberships of fuzzy c-means.

    .. math:: \frac{b}{1 - b} = \left( \frac{(1 - t) \| d \|}{t \| d - v \|} \right)^{2 q}

    0 in the source, 1 in a whole fill, a half where a share is at the threshold t; a colour that is neither of the two
    is far from both, and so is closer to a half. q is ``SHARPNESS``: small changes count little.

    Args:
        to_source: :math:`\| d \|^2`, how far the pixel is from untouched.
        to_fill: :math:`\| d - v \|^2`, how far it is from a whole fill.
        threshold: Of the share.
    """
    tiny = 1e-6  # below what 8-bit pixels can differ by
    odds = torch.log((1 - threshold) ** 2 * to_source.clamp_min(0) + tiny) - torch.log(
        threshold**2 * to_fill.clamp_min(0) + tiny
    )
    return torch.sigmoid(SHARPNESS * odds)


def _over_window(values: Float[Tensor, "*b h w"], sigma: float) -> Float[Tensor, "*b h w"]:
    """Gaussian mean of the neighbourhood; what lies beyond the border has the border's value."""
    if sigma == 0:
        return values
    radius = max(1, round(3 * sigma))
    steps = torch.arange(-radius, radius + 1, device=values.device, dtype=values.dtype)
    kernel = torch.softmax(-0.5 * (steps / sigma) ** 2, 0)
    frames = F.pad(values.reshape(-1, 1, *values.shape[-2:]), (radius,) * 4, mode="replicate")
    rows = F.conv2d(frames, kernel.view(1, 1, 1, -1))
    return F.conv2d(rows, kernel.view(1, 1, -1, 1)).view(values.shape)


def _nearest_seeing(share: Float[Tensor, "*b h w"], blind: Bool[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """The share of the nearest pixel that is not blind; a frame without any has none."""
    width = share.shape[-1]
    pixels = share.shape[-2] * width
    blinds = blind.reshape(-1, *share.shape[-2:]).cpu().numpy()
    places = np.tile(np.arange(pixels), (len(blinds), 1))
    for place, unseen in zip(places, blinds, strict=True):
        if unseen.any() and not unseen.all():
            _, labels = cv2.distanceTransformWithLabels(
                unseen.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
            )
            by_label = np.zeros(labels.max() + 1, dtype=np.int64)
            by_label[labels[~unseen]] = np.flatnonzero(~unseen)
            place[:] = by_label[labels].reshape(-1)
    nearest = torch.from_numpy(places).to(share.device)
    return share.reshape(-1, pixels).gather(1, nearest).view(share.shape)


def unpaint(
    edited: Float[Tensor, "*b 3 h w"],
    source: Float[Tensor, "*b 3 h w"],
    fill: str,
    threshold: float = 0.5,
    opacity: float = OPACITY,
) -> Bool[Tensor, "*b h w"]:
    """Read one object's mask back from an edited clip; ``decode_mask`` also tells how sure it is.

    Args:
        edited: What a model made of the source, in [-1, 1].
        source: The source, in [-1, 1].
        fill: A key of ``COLORS``.
        threshold: Share of a whole fill, in (0, 1), from which a pixel counts as filled.
        opacity: As it was painted.
    """
    return decode_mask(edited, source, fill, threshold, opacity).mask
