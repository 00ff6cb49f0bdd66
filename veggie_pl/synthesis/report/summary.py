"""Numbers of a run: how many items each step let through, how long it took, and how the measures are spread."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.steps import KINDS

STAGES = ("read", *KINDS, "write")
NUM_BINS = 24
TAIL = 0.01  # share of values at each end that a histogram shows in its outermost bins


@dataclass(frozen=True)
class StageRow:
    """One step of the run.

    Args:
        name: Of the step; "read" and "write" are pictures and clips.
        entered: Items that came to it.
        failed: Of them.
        rejected: Of them, by the filter.
        known: Of them, done by an earlier run.
        seconds: Mean of an item; NaN where none was timed.
        total: Seconds of all items, whenever they were done.
    """

    name: str
    entered: int
    failed: int
    rejected: int
    known: int
    seconds: float
    total: float

    @property
    def left(self) -> int:
        """Items that went on."""
        return self.entered - self.failed - self.rejected


@dataclass(frozen=True)
class Spread:
    """One measure over all pairs.

    Args:
        name: Of the measure.
        unit: Of its values; empty where nobody says.
        least: Values below are rejected; None where there is no such bound.
        most: Values above are rejected; likewise.
        edges: Of the bins, one more than there are.
        kept: Kept pairs in each bin.
        rejected: Rejected pairs in each bin, for whatever reason.
        undefined: Pairs that have no value.
        broken: Pairs that this rule rejects.
    """

    name: str
    unit: str
    least: float | None
    most: float | None
    edges: tuple[float, ...]
    kept: tuple[int, ...]
    rejected: tuple[int, ...]
    undefined: int
    broken: int


@dataclass(frozen=True)
class Summary:
    """The run.

    Args:
        items: Rows that were to be lifted.
        kept: Pairs.
        rejected: Pairs that broke a rule.
        failed: Items that a step could not do.
        stages: Step by step.
        rules: How many pairs broke each rule.
        reasons: Why items failed, the most frequent first.
        spreads: Of the measures.
        wall: Seconds that this run took.
        workers: Processes.
    """

    items: int
    kept: int
    rejected: int
    failed: int
    stages: tuple[StageRow, ...]
    rules: Mapping[str, int]
    reasons: Mapping[str, int]
    spreads: tuple[Spread, ...]
    wall: float
    workers: int


def summarize(outcomes: Sequence[Outcome], assessor: object, wall: float, workers: int) -> Summary:
    """Count.

    Args:
        outcomes: Of all items.
        assessor: Whose ``rules``, if it has any, are bounds ``least`` and ``most`` by measure.
        wall: Seconds of this run.
        workers: Processes.
    """
    states = Counter(one.state for one in outcomes)
    rules = Counter(rule for one in outcomes for rule in one.rejected)
    failed = Counter(f"{one.step}: {one.reason}" for one in outcomes if one.state == "failed")
    judged = [one for one in outcomes if one.state != "failed"]
    names = dict.fromkeys(name for one in judged for name in one.values)
    bounds: Mapping[str, Any] = getattr(assessor, "rules", {})
    units: Mapping[str, str] = getattr(assessor, "units", {})
    return Summary(
        items=len(outcomes),
        kept=states["kept"],
        rejected=states["rejected"],
        failed=states["failed"],
        stages=_stages(outcomes),
        rules=dict(rules.most_common()),
        reasons=dict(failed.most_common()),
        spreads=tuple(_spread(name, units.get(name, ""), bounds.get(name), judged, rules[name]) for name in names),
        wall=wall,
        workers=workers,
    )


def _stages(outcomes: Sequence[Outcome]) -> tuple[StageRow, ...]:
    rows = []
    entered = len(outcomes)
    for name in STAGES:
        failed = sum(one.state == "failed" and one.step == name for one in outcomes)
        rejected = sum(one.state == "rejected" for one in outcomes) if name == "assess" else 0
        times = [one.seconds[name] for one in outcomes if name in one.seconds]
        mean = float(np.mean(times)) if times else math.nan
        known = sum(name in one.known for one in outcomes)
        rows.append(StageRow(name, entered, failed, rejected, known, mean, float(np.sum(times))))
        entered -= failed + rejected
    return tuple(rows)


def _spread(name: str, unit: str, bound: Any, judged: Sequence[Outcome], broken: int) -> Spread:
    least, most = getattr(bound, "least", None), getattr(bound, "most", None)
    values = np.array([one.values.get(name, math.nan) for one in judged], float)
    kept = np.array([one.state == "kept" for one in judged], bool)
    known = np.isfinite(values)
    edges = _edges(values[known], [one for one in (least, most) if one is not None])
    inside = np.clip(values, edges[0], edges[-1])
    good, bad = (tuple(map(int, np.histogram(inside[known & which], edges)[0])) for which in (kept, ~kept))
    return Spread(name, unit, least, most, tuple(map(float, edges)), good, bad, int(np.isnan(values).sum()), broken)


def _edges(values: "np.ndarray[Any, np.dtype[np.float64]]", bounds: Sequence[float]) -> Any:
    """Divide what most values and all bounds lie in."""
    ends = np.quantile(values, [TAIL, 1 - TAIL]) if len(values) else np.zeros(2)
    low, high = min([ends[0], *bounds]), max([ends[1], *bounds])
    if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, NUM_BINS + 1)
