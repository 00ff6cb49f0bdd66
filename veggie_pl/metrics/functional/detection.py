"""Measures of what a detector finds in the frames of one clip."""

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Box
from veggie_pl.experts.detections import Detections

SCORE_THRESHOLD = 0.35  # the box threshold in GroundingDINO's README
MIN_FRAMES = 0.5  # fraction of the frames in which the object must be in its place


def detection_score(detections: list[Detections]) -> Float[Tensor, ""]:
    """Average the best score over the frames, 0 where nothing is found, times 100: in [0, 100].

    The published "detection" of concept addition; for removal it is 100 minus this.
    """
    best = [found.scores.double().max() for found in detections if len(found.scores)]
    return 100 * torch.stack(best).sum() / len(detections) if best else torch.zeros((), dtype=torch.float64)


def addition_success(
    detections: list[Detections],
    box: Box,
    score_threshold: float = SCORE_THRESHOLD,
    min_frames: float = MIN_FRAMES,
) -> Float[Tensor, ""]:
    """Judge whether the right object is in the right place: 1 or 0.

    That is: in at least ``min_frames`` of the frames the best detection scores at least ``score_threshold`` and its
    centre lies inside ``box`` (edges included). A second, weaker detection in the right place does not help.

    Args:
        detections: Of the phrase that was to be added, one per frame.
        box: Where it should be: x0, y0, x1, y1 as fractions of width and height, in [0, 1].
        score_threshold: In [0, 1].
        min_frames: Fraction of the frames, in [0, 1].
    """
    hits = sum(_is_placed(found, box, score_threshold) for found in detections)
    return torch.tensor(float(hits >= min_frames * len(detections)), dtype=torch.float64)


def _is_placed(found: Detections, box: Box, score_threshold: float) -> bool:
    if not len(found.scores):
        return False
    best = int(found.scores.argmax())
    x0, y0, x1, y1 = found.boxes[best].tolist()
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return float(found.scores[best]) >= score_threshold and box[0] <= x <= box[2] and box[1] <= y <= box[3]
