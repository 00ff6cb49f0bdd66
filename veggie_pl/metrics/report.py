"""Results as data: rows with intervals, kept in a JSON file that names what made them."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.files import write_text
from veggie_pl.metrics.skill_scores import SkillScores

REPORT_SCHEMA = 1  # raised when a field changes its meaning


@dataclass(frozen=True)
class Result:
    """One number; NaN where the measure is not defined for any sample."""

    skill: Skill
    metric: str
    value: float
    low: float  # 95 % interval over samples
    high: float
    n: int  # samples that the number is over
    unit: str
    higher_is_better: bool = True
    skipped: int = 0  # samples for which the measure is not defined

    @property
    def row(self) -> tuple[Skill, str]:
        """What identifies the row in any report."""
        return self.skill, self.metric


@dataclass(frozen=True)
class Report:
    """The results of one model and all that is needed to get them again."""

    model: str  # name or checkpoint
    date: str  # given by the caller, ISO 8601
    seeds: Mapping[str, int]  # e.g. {"data": 0, "noise": 0, "interval": 0}
    versions: Mapping[str, str]  # library -> version
    results: tuple[Result, ...]
    missing: Mapping[str, int] = field(default_factory=dict)  # stream -> samples in no number: they cannot be read

    def __post_init__(self) -> None:
        rows = [result.row for result in self.results]
        if twice := {f"{skill} {metric}" for skill, metric in rows if rows.count((skill, metric)) > 1}:
            raise UseError(f"a report has each row once, but these come again: {', '.join(sorted(twice))}")


def results_of(skill: Skill, scores: SkillScores, seed: int) -> tuple[Result, ...]:
    """Make the rows of one skill, after its updates. Under several ranks all must call it.

    Args:
        skill: Named in the rows.
        scores: Of that skill.
        seed: Of what the intervals draw.
    """
    found = scores.summaries(seed)
    return tuple(
        Result(skill, one.name, was.mean, was.low, was.high, was.n, one.unit, one.higher_is_better, was.skipped)
        for one in scores.row.measures
        if (was := found.get(one.name)) is not None
    )


def write_report(report: Report, path: Path) -> None:
    """Write JSON; NaN becomes null."""
    content = {"schema": REPORT_SCHEMA, "num_samples": _num_samples(report.results), **asdict(report)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n")


def read_report(path: Path) -> Report:
    """Read what ``write_report`` wrote.

    Raises:
        UseError: If the file is of another schema.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("schema") != REPORT_SCHEMA:
        raise UseError(f"{path} has report schema {content.get('schema')!r}; this version reads {REPORT_SCHEMA}")
    numbers = ("value", "low", "high")
    results = tuple(
        Result(
            **{
                **row,
                "skill": Skill(row["skill"]),
                **{name: math.nan if row[name] is None else row[name] for name in numbers},
            }
        )
        for row in content["results"]
    )
    missing = content.get("missing", {})
    return Report(content["model"], content["date"], content["seeds"], content["versions"], results, missing)


def _num_samples(results: Iterable[Result]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for result in results:
        counts[result.skill] = max(counts.get(result.skill, 0), result.n + result.skipped)
    return counts


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
