"""Paired differences as the page draws them: on scales around zero."""

import math
from dataclasses import dataclass

from veggie_pl.batch import Skill
from veggie_pl.scoring.compare import Comparison, Difference


@dataclass(frozen=True)
class Gain:
    """A paired difference with its place on a scale around zero, in %."""

    difference: Difference
    verdict: str
    at: float
    low: float
    high: float


def gains(comparison: Comparison) -> dict[Skill, list[Gain]]:
    """Place differences on scales, one for each unit, whose middle is zero; by skill."""
    widest: dict[str, float] = {}
    for one in comparison.differences:
        ends = [abs(end) for end in (one.gain, one.low, one.high) if math.isfinite(end)]
        widest[one.unit] = max([widest.get(one.unit, 0.0), *ends])

    def place(one: Difference, value: float) -> float:
        half = widest[one.unit]
        return 50.0 if math.isnan(value) or not half else round(50 + 50 * value / half, 2)

    found: dict[Skill, list[Gain]] = {}
    for one in comparison.differences:
        places = (place(one, value) for value in (one.gain, one.low, one.high))
        found.setdefault(one.skill, []).append(Gain(one, _verdict(one), *places))
    return found


def _verdict(one: Difference) -> str:
    if math.isnan(one.low):
        return "unknown"
    if not one.is_clear:
        return "not clear"
    return "better" if one.gain > 0 else "worse"
