"""Measures of clips that nobody has an exact answer for; those with an answer are in ``metrics.functional``."""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from veggie_pl.metrics.functional.change import MIN_CHANGED
from veggie_pl.synthesis.assess.seen import Where
from veggie_pl.synthesis.flow import Flows, fetch
from veggie_pl.synthesis.protocols import Frames, Picture
from veggie_pl.synthesis.regions import apart

_BLACK_LEVEL, _BLACK_SHARE = 32, 0.98  # ffmpeg's blackframe: 98 % of the pixels below 32 of 255
_STILL_LEVEL = 4  # of 255: frames that stand still differ by less, also after an encoder
_FOUND_LEVEL = 40  # of 255: how far a pixel may be from where it came from, after interpolation and flow


def is_black(frames: Frames) -> Bool[np.ndarray, " f"]:
    """Tell which frames are black as ffmpeg's ``blackframe`` does: 98 % of the pixels below 32 of 255."""
    grays = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    return np.asarray((grays < _BLACK_LEVEL).mean((1, 2)) >= _BLACK_SHARE)


def moves(
    frames: Frames, where: Bool[np.ndarray, "f h w"] | None = None, least: float = MIN_CHANGED
) -> Bool[np.ndarray, " p"]:
    """Tell between which neighbouring frames something is seen to move: pixels change by more than 4 of 255.

    Args:
        frames: A clip.
        where: Pixels that count; those of both frames have to.
        least: Share of the pixels that have to change.
    """
    if len(frames) < 2:
        return np.zeros(0, bool)
    changed = apart(frames[1:], frames[:-1]) > _STILL_LEVEL
    if where is not None:
        changed &= where[1:] & where[:-1]
    return np.asarray(changed.mean((1, 2)) >= least)


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


def edit_strengths(source: Frames, edited: Frames, pictures: tuple[Picture, Picture]) -> Float[np.ndarray, " f"]:
    """Give the mean difference of the clips in each frame, as a share of their pictures'; NaN if these are alike.

    Args:
        source: Frames of the source clip.
        edited: Frames of the edited clip.
        pictures: What both begin with.
    """
    away = np.array([float(cv2.absdiff(*pair).mean()) for pair in zip(source, edited, strict=True)])
    asked = float(cv2.absdiff(pictures[0], pictures[1]).mean())
    return away / asked if asked > 0 else np.full(len(away), np.nan)


def change_shares(change: Where) -> Float[np.ndarray, " f"]:
    """Give the number of changed pixels of each frame as a share of the first frame's; NaN if it has none."""
    area = change.mean((1, 2))
    return area / area[0] if area[0] > 0 else np.full(len(area), np.nan)


def edge_agreement(source: Frames, edited: Frames) -> Float[np.ndarray, " f"]:
    """Correlate the edges of two clips in each frame, in [-1, 1]; 0 for a frame without edges.

    Edges are lengths of Sobel's gradient of the brightness, smoothed over a pixel: where things are, whatever colour
    or style they have.
    """
    return np.array([_correlation(_edges(a), _edges(b)) for a, b in zip(source, edited, strict=True)])


def _edges(frame: Picture) -> Float[np.ndarray, "h w"]:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    across, down = (cv2.Sobel(gray, cv2.CV_32F, x, 1 - x) for x in (1, 0))
    return np.asarray(cv2.GaussianBlur(cv2.magnitude(across, down), (0, 0), 1.0))


def _correlation(one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"]) -> float:
    a, b = one - one.mean(), other - other.mean()
    length = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / length if length > 0 else 0.0
