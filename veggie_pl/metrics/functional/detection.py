"""Measures of what a detector finds in the frames of one clip."""

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Box
from veggie_pl.experts.detections import Detections

SCORE_THRESHOLD = 0.35  # the box threshold in GroundingDINO's README
MIN_FRAMES = 0.5  # share of the frames in which the thing must be in its place


def detection_score(detections: list[Detections]) -> Float[Tensor, ""]:
    """Mean over frames of the best score, 0 where nothing is found, times 100: in [0, 100].

    The published "detection" of concept addition; for removal it is 100 minus this.
    """
    best = [found.scores.double().max() for found in detections if len(found.scores)]
    return 100 * torch.stack(best).sum() / len(detections) if best else torch.zeros((), dtype=torch.float64)


def addition_success(
    detections: list[Detections],
    place: Box,
    score_threshold: float = SCORE_THRESHOLD,
    min_frames: float = MIN_FRAMES,
) -> Float[Tensor, ""]:
    """1 if the right thing is in the right place, else 0.

    That is: in at least ``min_frames`` of the frames the best detection scores at least ``score_threshold`` and its
    centre lies inside ``place`` (edges included). A second, weaker detection in the right place does not help.

    Args:
        detections: Of the phrase that was to be added, one per frame.
        place: x0, y0, x1, y1 as shares of width and height.
        score_threshold: In [0, 1].
        min_frames: Share of the frames, in [0, 1].
    """
    hits = sum(_is_placed(found, place, score_threshold) for found in detections)
    return torch.tensor(float(hits >= min_frames * len(detections)), dtype=torch.float64)


def _is_placed(found: Detections, place: Box, score_threshold: float) -> bool:
    if not len(found.scores):
        return False
    best = int(found.scores.argmax())
    x0, y0, x1, y1 = found.boxes[best].tolist()
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return float(found.scores[best]) >= score_threshold and place[0] <= x <= place[2] and place[1] <= y <= place[3]
