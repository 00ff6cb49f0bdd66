"""What is seen of the windows that a long clip was edited in. Aspect "seams"; only where the joins are told."""

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import Entry
from veggie_pl.metrics.functional.seams import DRIFT_CAP, SEAM_CAP
from veggie_pl.metrics.scored import Scored


def seam(scored: Scored) -> Values:
    """Compare the warp error at joins with that elsewhere, less the source's: ``functional.seam_excess``."""
    return functional.seam_excess(*scored.warp_errors, scored.joins)


def drift(scored: Scored) -> Values:
    """Measure how colours outside the changed region run away from the source's: ``functional.color_drift``."""
    clips = zip(scored.edited, scored.batch.source, scored.kept, strict=True)
    return torch.stack([functional.color_drift(*clip) for clip in clips])


def identity(scored: Scored) -> Values:
    """Compare later frames with the first window by their features (DINO), x 100."""
    start = min(scored.joins)
    return torch.stack([100 * functional.similarity_to_start(one, start) for one in scored.frame_features])


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit have them."""
    return () if skill.is_painted else _ROWS


_ROWS = (
    Entry(
        Measure("seam", "x other pairs", (0.0, SEAM_CAP), False, ("joins",), SEAM_CAP, "seams"),
        seam,
    ),
    Entry(
        Measure("drift", "Lab per 100 frames", (0.0, DRIFT_CAP), False, ("joins",), DRIFT_CAP, "seams"),
        drift,
    ),
    Entry(
        Measure("identity", "score", (-100.0, 100.0), needs=("joins", "features"), worst=0.0, aspect="seams"),
        identity,
    ),
)
