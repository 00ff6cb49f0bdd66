"""Measures of clips that nobody has an exact answer for; those with an answer are in ``metrics.functional``."""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from veggie_pl.metrics.functional.change import MIN_CHANGED
from veggie_pl.synthesis.assess.seen import Where
from veggie_pl.synthesis.flow import Flows, fetch
from veggie_pl.synthesis.protocols import Frames
from veggie_pl.synthesis.regions import apart, differs

_BLACK_LEVEL, _BLACK_SHARE = 32, 0.98  # ffmpeg's blackframe: 98 % of the pixels below 32 of 255
_FOUND_LEVEL = 40  # of 255: how far a pixel may be from where it came from, after interpolation and flow


def is_black(frames: Frames) -> Bool[np.ndarray, " f"]:
    """Tell which frames are black as ffmpeg's ``blackframe`` does: 98 % of the pixels below 32 of 255."""
    grays = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    return np.asarray((grays < _BLACK_LEVEL).mean((1, 2)) >= _BLACK_SHARE)


def frozen_share(frames: Frames) -> float:
    """Give the share of neighbouring frames between which nothing is seen to move, in [0, 1]; 1 for one frame.

    Nothing moves where less than 0.1 % of the pixels change by more than ``LEVELS``.
    """
    if len(frames) < 2:
        return 1.0
    changed = differs(frames[1:], frames[:-1]).mean((1, 2))
    return float((changed < MIN_CHANGED).mean())


def motion(flows: Flows) -> float:
    """Average the length of the flow between neighbouring frames, in shares of the longer side per frame."""
    if not len(flows):
        return 0.0
    return float(np.linalg.norm(flows, axis=-1).mean() / max(flows.shape[1:3]))


def lost_shares(frames: Frames, back: Flows) -> Float[np.ndarray, " p"]:
    """Tell of each later frame which share of its pixels is not found in the first frame along the flow, in [0, 1].

    Args:
        frames: A clip.
        back: From each frame but the first to the first one.
    """
    lost = [apart(frame, fetch(frames[0], flow)) > _FOUND_LEVEL for frame, flow in zip(frames[1:], back, strict=True)]
    return np.array([float(one.mean()) for one in lost])


def flow_gaps(one: Flows, other: Flows, where: Bool[np.ndarray, "p h w"]) -> Float[np.ndarray, " p"]:
    """Average the distance of two flows, in shares of the longer side, over the pixels that count; NaN for none."""
    away = np.linalg.norm(one - other, axis=-1) / max(one.shape[1:3])
    counted = where.sum((1, 2))
    total = np.where(where, away, 0.0).sum((1, 2))
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)


def edit_strengths(source: Frames, edited: Frames) -> Float[np.ndarray, " f"]:
    """Give the mean difference of the clips in each frame as a share of the first frame's; NaN if there is none."""
    away = np.array([float(cv2.absdiff(*pair).mean()) for pair in zip(source, edited, strict=True)])
    return away / away[0] if away[0] > 0 else np.full(len(away), np.nan)


def change_shares(change: Where) -> Float[np.ndarray, " f"]:
    """Give the number of changed pixels of each frame as a share of the first frame's; NaN if it has none."""
    area = change.mean((1, 2))
    return area / area[0] if area[0] > 0 else np.full(len(area), np.nan)
