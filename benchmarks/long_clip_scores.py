"""What a long edit of Moving Shapes is scored by: seams, drift, success, and whether an added thing stays itself."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from veggie_pl.batch import Batch, Box, Clips, Skill
from veggie_pl.experts.detections import Detections
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import functional
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.functional.detection import MIN_FRAMES, SCORE_THRESHOLD
from veggie_pl.metrics.measures import answer
from veggie_pl.metrics.scored import Scored

STRETCH = 8  # frames: what one window of the nano model has
JUMP = 0.1  # of the picture's width from one frame to the next: three pixels of 32, no thing moves so fast


@dataclass(frozen=True)
class Scores:
    """Of one clip; None is not defined for it.

    Args:
        skill: What was asked.
        seam: Warp error where windows meet as a ratio to that elsewhere (``functional.seam_ratio``).
        source_seam: That of the source.
        drift: CIELAB per 100 frames, outside of the change.
        right: Success or, of grounding and reasoning, IoU; in [0, 1].
        found: Whether the added thing, its colour and shape, is found in its place in every stretch of frames.
        steady: Whether it never jumps.
        seconds: Processor time of the edit.
    """

    skill: str
    seam: float
    source_seam: float
    drift: float | None
    right: float | None
    found: bool | None
    steady: bool | None
    seconds: float


def score(edited: Clips, batch: Batch, joins: tuple[int, ...], seconds: float) -> Scores:
    """Score an edit of one clip.

    Args:
        edited: Output in [-1, 1], of one clip.
        batch: What was asked, of one example.
        joins: First frames of pairs' later halves between which what made them changes.
        seconds: Processor time that it took.
    """
    skill = batch.skill[0]
    scored = Scored(edited, batch, Experts(detector=ShapeDetector()), joins)
    seam, source_seam = (float(functional.seam_ratio(one, scored.joins)) for one in scored.warp_errors)
    drift = float(functional.color_drift(edited[0], batch.source[0], scored.kept[0]))
    found = steady = None
    if skill.is_painted:
        right = float(answer.miou(scored)) / 100
    elif skill is Skill.ADDITION:
        centres = centres_of(scored.detections[0] or [])
        found, steady = stays(centres, batch.place[0]), not jumps(centres)
        right = float(answer.placed(scored)) / 100
    else:
        right = float(answer.change_success(scored)) / 100
    known = {"drift": drift, "right": right}
    return Scores(
        skill,
        seam,
        source_seam,
        **{name: None if math.isnan(value) else value for name, value in known.items()},
        found=found,
        steady=steady,
        seconds=seconds,
    )


def centres_of(detections: list[Detections]) -> Float[np.ndarray, "f 2"]:
    """Give the centre of the surest detection of each frame, as shares of width and height; NaN where none is sure."""
    rows = np.full((len(detections), 2), np.nan)
    for row, one in zip(rows, detections, strict=True):
        if len(one.scores) and float(one.scores.max()) >= SCORE_THRESHOLD:
            x0, y0, x1, y1 = one.boxes[int(one.scores.argmax())].tolist()
            row[:] = (x0 + x1) / 2, (y0 + y1) / 2
    return rows


def stays(centres: Float[np.ndarray, "f 2"], place: Box) -> bool:
    """Tell whether the thing is in its place in at least half of each ``STRETCH`` frames, as success is defined."""
    x0, y0, x1, y1 = place
    inside: NDArray[np.bool_] = np.asarray((centres >= (x0, y0)).all(1) & (centres <= (x1, y1)).all(1))
    return all(part.mean() >= MIN_FRAMES for part in np.array_split(inside, max(1, len(inside) // STRETCH)))


def jumps(centres: Float[np.ndarray, "f 2"]) -> bool:
    """Tell whether the thing is ever farther than ``JUMP`` from where it was last found."""
    seen = centres[~np.isnan(centres[:, 0])]
    return bool((np.linalg.norm(np.diff(seen, axis=0), axis=1) > JUMP).any())


def joins_of(windows: list[range]) -> tuple[int, ...]:
    """List the frames that share less with the one before than two frames of one window: all of each overlap.

    >>> joins_of([range(0, 8), range(6, 14)])
    (6, 7, 8)
    """
    return tuple(frame for one, two in pairwise(windows) for frame in range(two.start, min(one.stop, two.stop - 1) + 1))


def summary(scores: Iterable[Scores]) -> dict[str, float]:
    """Average over clips: medians of what is a ratio, means of the rest; NaN where nothing is defined."""
    rows = list(scores)
    added = [row for row in rows if row.found is not None]

    def mean(values: list[float]) -> float:
        return float(np.mean(values)) if values else math.nan

    def median(values: list[float]) -> float:
        return float(np.median(values)) if values else math.nan

    return {
        "seam": median([row.seam for row in rows]),
        "seam excess": median([row.seam - row.source_seam for row in rows]),
        "drift": median([row.drift for row in rows if row.drift is not None]),
        "found": mean([float(bool(row.found)) for row in added]),
        "kept": mean([float(bool(row.found and row.steady)) for row in added]),
        "right": mean(
            [
                mean([row.right for row in rows if row.right is not None and row.skill == skill])
                for skill in dict.fromkeys(row.skill for row in rows if row.skill != Skill.ADDITION)
            ]
        ),
        "seconds": mean([row.seconds for row in rows]),
    }
