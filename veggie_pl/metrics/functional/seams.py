"""Measures of long clips that were edited in windows: what is seen where windows meet, and what drifts along them."""

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.metrics.functional.motion import LEVEL

SEAM_CAP = 10.0
DRIFT_CAP = 100.0


def seam_ratio(errors: Float[Tensor, "*lead p"], joins: tuple[int, ...]) -> Float[Tensor, "*lead"]:
    """Relate the warp error at the joins of windows to that of all other pairs: 1 is a join that nobody sees.

    The median of each. No published measure of seams is known.

    Args:
        errors: Of ``warp_errors``, one a pair of neighbours.
        joins: First frames of later windows, each more than 0 and less than the number of frames.
    """
    at = torch.zeros(errors.shape[-1], dtype=torch.bool, device=errors.device)
    at[[join - 1 for join in joins]] = True
    return (_median(errors[..., at]) + LEVEL) / (_median(errors[..., ~at]) + LEVEL)


def seam_excess(
    edited: Float[Tensor, "*lead p"], source: Float[Tensor, "*lead p"], joins: tuple[int, ...]
) -> Float[Tensor, "*lead"]:
    """Take the source's own ``seam_ratio`` from the output's: 0 is no seam, at most ``SEAM_CAP``, lower is better.

    What the source does at a join, such as a cut, is not the output's fault. Less than 0 counts as 0.
    """
    return (seam_ratio(edited, joins) - seam_ratio(source, joins)).clamp(0, SEAM_CAP)


def color_drift(
    edited: Float[Tensor, "f 3 h w"], source: Float[Tensor, "f 3 h w"], kept: Bool[Tensor, "f h w"]
) -> Float[Tensor, ""]:
    """Measure how fast colours run away from the source's, in CIELAB units per 100 frames; lower is better.

    The mean difference to the source is taken for each frame over what should stay, a line is fitted to it over the
    frames for each of L, a and b, and the length of the slope counts, at most ``DRIFT_CAP``. NaN where fewer than two
    frames have something that stays. Computed on the CPU.
    """
    rows, times = [], []
    for time, (one, other, where) in enumerate(zip(edited, source, kept, strict=True)):
        inside = where.cpu().numpy()
        if inside.any():
            rows.append((_lab(one)[inside] - _lab(other)[inside]).mean(0))
            times.append(float(time))
    if len(rows) < 2:
        return torch.tensor(torch.nan, dtype=torch.float64)
    slope = np.polyfit(np.array(times), np.stack(rows).astype(np.float64), 1)[0]
    return torch.tensor(min(100 * float(np.linalg.norm(slope)), DRIFT_CAP), dtype=torch.float64)


def _lab(frame: Float[Tensor, "3 h w"]) -> Float[np.ndarray, "h w 3"]:
    pixels = ((frame.float() + 1) / 2).movedim(0, -1).contiguous().cpu().numpy()
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB))


def _median(values: Float[Tensor, "*lead p"]) -> Float[Tensor, "*lead"]:
    """Take the mean of the two middle values where their number is even; NaN where there are none."""
    if not values.shape[-1]:
        return values.new_full(values.shape[:-1], torch.nan)
    return values.nanquantile(0.5, dim=-1)
