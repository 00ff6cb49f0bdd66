"""Whether an output moves as its source does: optical flow, no weights. Aspect "motion"."""

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.functional.motion import RATIO_CAP
from veggie_pl.metrics.scored import Scored


def warp_ratio(scored: Scored) -> Values:
    """Relate the output's warp error to the source's, along the SOURCE's flow; see ``functional.warp_ratio``."""
    return functional.warp_ratio(*scored.warp_errors)


def temporal_flickering(scored: Scored) -> Values:
    """Compute VBench's temporal flickering of each video, in %: 100 where nothing moves."""
    return 100 * functional.temporal_flickering(scored.edited)


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit have them."""
    return () if skill.is_painted else _ROWS


_ROWS = (
    Entry(
        Measure("warp_ratio", "x source", (0.0, RATIO_CAP), False, worst=RATIO_CAP, aspect="motion"),
        warp_ratio,
    ),
    Entry(Measure("vbench_flickering", "%", PERCENT, worst=0.0, aspect="motion"), temporal_flickering),
)
