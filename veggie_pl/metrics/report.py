"""Results as data: rows with intervals, kept in a JSON file that names what made them."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import veggie_pl
from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.files import write_text
from veggie_pl.metrics.skill_scores import SkillScores

REPORT_SCHEMA = 1  # raised when a field changes its meaning
_LIBRARIES = ("torch", "lightning", "transformers", "diffusers", "torchmetrics")
# What became of an output: "unfit" is one of another length, shape or with frames that are not finite.
State = Literal["scored", "missing", "unreadable", "unfit"]


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
    failed: int = 0  # samples without a usable output: in the number by the measure's worst value
    value_without: float = math.nan  # the mean without those; NaN where there are none

    @property
    def row(self) -> tuple[Skill, str]:
        """What identifies the row in any report."""
        return self.skill, self.metric


@dataclass(frozen=True)
class SampleScore:
    """The scores of one output, as the numbers of a report are made of them."""

    key: str
    skill: Skill
    index: int  # in its skill's stream
    instruction: str
    values: Mapping[str, float]  # by measure; NaN where it is not defined, the worst value where the output failed
    state: State = "scored"
    reason: str = ""  # of any other state
    notes: Mapping[str, Any] = field(default_factory=dict)  # replies and failures of judges, what was fitted
    output: str = ""  # its file, as named below the folder of outputs
    digest: str = ""  # of the file's bytes


@dataclass(frozen=True)
class Report:
    """The results of one model and all that is needed to get them again."""

    model: str  # name or checkpoint
    date: str  # given by the caller, ISO 8601
    seeds: Mapping[str, int]  # e.g. {"data": 0, "noise": 0, "interval": 0}
    versions: Mapping[str, str]  # library -> version
    results: tuple[Result, ...]
    missing: Mapping[str, int] = field(default_factory=dict)  # stream -> samples in no number: they cannot be read
    bench: str = ""  # name of the bench and what it holds
    conventions: Mapping[str, str] = field(default_factory=dict)  # rules that the numbers follow, by name
    experts: Mapping[str, str] = field(default_factory=dict)  # role -> what it is, down to its weights
    samples: tuple[SampleScore, ...] = ()  # what the results are made of
    written: tuple[SampleScore, ...] = ()  # in written wordings, in no result; notes: "wording", the kind

    def __post_init__(self) -> None:
        rows = [result.row for result in self.results]
        if twice := {f"{skill} {metric}" for skill, metric in rows if rows.count((skill, metric)) > 1}:
            raise UseError(f"a report has each row once, but these come again: {', '.join(sorted(twice))}")


def library_versions() -> dict[str, str]:
    """Name the versions of the libraries that numbers depend on."""
    # Not by importing them: some take seconds, and scores that are known need none of them.
    return {"veggie_pl": veggie_pl.__version__, **{name: version(name) for name in _LIBRARIES}}


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


def samples_of(
    skill: Skill, scores: SkillScores, asked: Mapping[tuple[Skill, int], tuple[str, str]]
) -> tuple[SampleScore, ...]:
    """Make the rows of one skill's samples. Under several ranks all must call it.

    Args:
        skill: Of the samples.
        scores: Of that skill.
        asked: Key and instruction of each sample by skill and index.
    """
    indices, columns = scores.samples()
    found = []
    for row, index in enumerate(indices.tolist()):
        key, instruction = asked[skill, index]
        values = {name: float(column[row]) for name, column in columns.items()}
        found.append(SampleScore(key, skill, index, instruction, values))
    return tuple(found)


def write_report(report: Report, path: Path) -> None:
    """Write JSON; NaN becomes null."""
    content = {"schema": REPORT_SCHEMA, "num_samples": _num_samples(report.results), **asdict(report)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n")


def read_report(path: Path) -> Report:
    """Read what ``write_report`` wrote.

    Raises:
        UseError: If there is no such file, it is no report, or one of another schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.get("schema")
    except (OSError, ValueError, AttributeError) as error:
        raise UseError(f"{path} is no report ({' '.join(str(error).split())})") from error
    if schema != REPORT_SCHEMA:
        raise UseError(f"{path} has report schema {schema!r}; this version reads {REPORT_SCHEMA}")
    results = tuple(Result(**_numbers(row, ("value", "low", "high", "value_without"))) for row in content["results"])
    listed: dict[str, Any] = {
        name: tuple(_sample(row) for row in content.get(name, ())) for name in ("samples", "written")
    }
    own = {one.name for one in fields(Report)} - {"results", *listed}
    return Report(**{name: content[name] for name in own & set(content)}, results=results, **listed)


def _sample(row: Mapping[str, Any]) -> SampleScore:
    return SampleScore(**{**_numbers(row, ()), "values": _numbers(row["values"], tuple(row["values"]))})


def _numbers(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Read a row: null is NaN in what is a number, a skill is one of ours."""
    read = {name: math.nan if name in names and value is None else value for name, value in row.items()}
    return {**read, "skill": Skill(row["skill"])} if "skill" in row else read


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
