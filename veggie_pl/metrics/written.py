"""The second table of a test: scores in written wordings, by kind and by skill, beside those held out from training."""

import math
from collections.abc import Sequence

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.written import KINDS
from veggie_pl.metrics.intervals import mean_interval
from veggie_pl.metrics.report import Report, SampleScore
from veggie_pl.metrics.score import HEADLINE
from veggie_pl.metrics.tables import Grid, number

HEAD = ("wordings", "skills", "score", "95 % interval", "held-out", "of it", "n")
NOTE = (
    "Success or mIoU in %, in wordings written by hand that nothing is trained on. Beside it the score of the same "
    "skills in the wordings of the table above, weighted alike, and what part of that it is."
)


def written_table(report: Report) -> Grid | None:
    """Make the table, or None of a report without written wordings.

    A row of a kind is over all skills, a row of a skill over all kinds; each sample weighs the same. Samples without a
    headline number are left out.
    """
    scored = [one for one in report.written if math.isfinite(_score(one))]
    if not scored:
        return None
    held_out = {one.skill: one.value for one in report.results if one.metric == HEADLINE[one.skill]}
    seed = report.seeds.get("interval", 0)
    parts = [(kind, "all", [one for one in scored if one.notes.get("wording") == kind]) for kind in KINDS]
    parts += [("all", skill.title, [one for one in scored if one.skill == skill]) for skill in Skill]
    rows = [_row(*part, held_out, seed) for part in (*parts, ("all", "all", scored))]
    return Grid(f"Written wordings, {report.model}, {report.date}", HEAD, tuple(row for row in rows if row), NOTE)


def _score(sample: SampleScore) -> float:
    return sample.values.get(HEADLINE[sample.skill], math.nan)


def _row(
    kind: str, skills: str, samples: Sequence[SampleScore], held_out: dict[Skill, float], seed: int
) -> tuple[str, ...]:
    """Make a row; nothing of no samples."""
    if not samples:
        return ()
    scores = np.array([_score(one) for one in samples])
    low, high = mean_interval(scores, seed, bounds=(0.0, 100.0))
    beside = float(np.mean([held_out.get(one.skill, math.nan) for one in samples]))
    part = 100 * scores.mean() / beside if beside > 0 else math.nan
    interval = number(math.nan) if math.isnan(low) else f"[{low:6.2f}, {high:6.2f}]"
    return kind, skills, number(float(scores.mean())), interval, number(beside), f"{number(part)} %", str(len(samples))
