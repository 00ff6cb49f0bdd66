"""From the scores of samples to the numbers of a report: with failed outputs at their worst, and without them."""

import datetime
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measures, SkillMeasures
from veggie_pl.metrics.report import Report, Result, SampleScore, library_versions
from veggie_pl.metrics.skill_scores import SkillScores, Summary
from veggie_pl.scoring.engine import BadExample, Scored
from veggie_pl.scoring.fit import RATIO, SECONDS

CONVENTIONS = {
    "failed outputs": "missing, unreadable and unfit outputs get the worst value of each measure; value_without is "
    "the mean without them",
    "size": f"another size is resized to the bench's if its aspect ratio is within {RATIO:.0%}, else unfit",
    "length": f"as many frames as the bench gives, or as its source file has, or a duration within {SECONDS:.0%} of "
    "the source's; else unfit",
    "examples": "what cannot be read of the bench is in no number of any method",
    "intervals": "95 %, over samples, not over trainings",
}


def make_report(
    method: str, bench: str, results: Sequence[Scored], measures: Measures, experts: Mapping[str, str], seed: int
) -> Report:
    """Make the report of a method.

    Args:
        method: Its name.
        bench: Name of the bench.
        results: One for each example of the bench.
        measures: What they were scored by.
        experts: Who was asked, by role.
        seed: Of what the intervals draw.
    """
    samples = tuple(one for one in results if isinstance(one, SampleScore))
    bad = Counter(one.output.unit.stream for one in results if isinstance(one, BadExample))
    return Report(
        model=method,
        date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        seeds={"interval": seed},
        versions=library_versions(),
        results=results_of_samples(samples, measures, seed),
        missing=dict(bad),
        bench=bench,
        conventions=CONVENTIONS,
        experts=experts,
        samples=samples,
    )


def results_of_samples(samples: Sequence[SampleScore], measures: Measures, seed: int) -> tuple[Result, ...]:
    """Make the rows of a report.

    Args:
        samples: Each once; those whose output failed have the worst values.
        measures: What they were scored by.
        seed: Of what the intervals draw.
    """
    rows: list[Result] = []
    for skill in Skill:
        own = sorted((one for one in samples if one.skill == skill), key=lambda one: one.index)
        if own:
            rows += _of_skill(skill, own, measures.of_skill(skill), seed)
    return tuple(rows)


def _of_skill(skill: Skill, samples: list[SampleScore], row: SkillMeasures, seed: int) -> list[Result]:
    failed = sum(one.state != "scored" for one in samples)
    summaries = _summed(samples, row, seed)
    usable = [one for one in samples if one.state == "scored"]
    without = _summed(usable, row, seed) if failed and usable else {}
    return [
        Result(
            skill=skill,
            metric=measure.name,
            value=was.mean,
            low=was.low,
            high=was.high,
            n=was.n,
            unit=measure.unit,
            higher_is_better=measure.higher_is_better,
            skipped=was.skipped,
            failed=failed,
            value_without=without[measure.name].mean if measure.name in without else math.nan,
        )
        for measure in row.measures
        if (was := summaries.get(measure.name)) is not None
    ]


def _summed(samples: list[SampleScore], row: SkillMeasures, seed: int) -> Mapping[str, Summary]:
    """Sum up by the one metric class, as ``test`` does."""
    scores = SkillScores(row)
    names = dict.fromkeys(name for one in samples for name in one.values)  # measures, and columns of weights
    columns = {
        name: torch.tensor([one.values.get(name, math.nan) for one in samples], dtype=torch.float64) for name in names
    }
    scores.add(columns, torch.tensor([one.index for one in samples]))
    return scores.summaries(seed)
