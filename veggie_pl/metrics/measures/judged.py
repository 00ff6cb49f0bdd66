"""What a judge says of an edit, axis by axis. Aspect "judge"."""

from collections.abc import Callable

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.experts.protocols import Judge
from veggie_pl.metrics.entry import Entry
from veggie_pl.metrics.scored import Scored


def rows(skill: Skill, judge: Judge | None) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit. One an axis of the judge, on the judge's own scale."""
    if skill.is_painted:
        return ()
    if judge is None:
        return (Entry(Measure("judge", "score", needs=("judge",), aspect="judge"), _of_axis("")),)
    least, greatest = judge.scale
    unit = f"{least:g} to {greatest:g}"
    return tuple(
        Entry(
            Measure(f"judge_{axis}", unit, judge.scale, needs=("judge",), worst=least, aspect="judge"), _of_axis(axis)
        )
        for axis in judge.axes
    )


def _of_axis(axis: str) -> Callable[[Scored], Values]:
    def score(scored: Scored) -> Values:
        """Read one axis of each judgement; NaN where the judge gave no valid reply, and the notes say why."""
        found = [judgement.scores.get(axis, torch.nan) for judgement in scored.judgements]
        return torch.tensor(found, dtype=torch.float64)

    return score
