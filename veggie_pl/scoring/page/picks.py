"""Which samples the page shows: the worst and the best of each skill."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result, SampleScore
from veggie_pl.metrics.score import HEADLINE

MAX_SAMPLES = 24  # of all skills: what a page of 15 MB holds
_MOST = 6  # of one skill
JUDGED = "judge"  # what names of measures begin with that a judge gives


@dataclass(frozen=True)
class Pick:
    """A sample that is shown."""

    kind: Literal["worst", "best"]
    sample: SampleScore


def headline(report: Report, skill: Skill) -> Result | None:
    """Choose the row that stands for a skill; None where it has no number.

    The measure of ``metrics.score`` if the report has it, else a judge's, else the first of the skill.
    """
    rows = [one for one in report.results if one.skill == skill and not math.isnan(one.value)]
    wanted: Sequence[Callable[[Result], bool]] = (
        lambda row: row.metric == HEADLINE[skill],
        lambda row: row.metric.startswith(JUDGED),
        lambda row: True,
    )
    return next((row for wants in wanted for row in rows if wants(row)), None)


def pick(report: Report) -> dict[Skill, list[Pick]]:
    """Pick the worst and the best usable outputs of each skill, two to one; each once.

    Outputs are ordered by the skill's headline; those that are alike there by the mean of their places in the skill's
    other measures. Failed outputs are not picked: there is nothing to be seen of them.
    """
    skills = [skill for skill in Skill if any(one.skill == skill for one in report.samples)]
    room = min(_MOST, MAX_SAMPLES // max(1, len(skills)))
    found = {}
    for skill in skills:
        main = headline(report, skill)
        if main is None:
            continue
        others = [one for one in report.results if one.skill == skill and one.row != main.row]
        ordered = _ordered([one for one in report.samples if one.skill == skill], main, others)
        num_best = min(room // 3, len(ordered) // 2)
        num_worst = min(room - num_best, len(ordered) - num_best)
        best = ordered[len(ordered) - num_best :][::-1]
        found[skill] = [Pick("worst", one) for one in ordered[:num_worst]] + [Pick("best", one) for one in best]
    return {skill: picks for skill, picks in found.items() if picks}


def _ordered(samples: Sequence[SampleScore], main: Result, others: Sequence[Result]) -> list[SampleScore]:
    """Order the usable samples that have a headline number, the worst first."""
    usable = [one for one in samples if one.state == "scored" and math.isfinite(_good(one, main))]
    places: dict[int, list[float]] = {id(one): [] for one in usable}
    for row in others:
        known = [one for one in usable if math.isfinite(_good(one, row))]
        values = sorted(_good(one, row) for one in known)
        for one in known:
            below = values.index(_good(one, row))
            places[id(one)].append((below + values.count(_good(one, row)) / 2) / len(values))

    def mean_place(one: SampleScore) -> float:
        return sum(places[id(one)]) / len(places[id(one)]) if places[id(one)] else 0.5

    return sorted(usable, key=lambda one: (_good(one, main), mean_place(one), one.index))


def _good(sample: SampleScore, row: Result) -> float:
    """Give a value that is greater where the output is better."""
    return sample.values.get(row.metric, math.nan) * (1 if row.higher_is_better else -1)
