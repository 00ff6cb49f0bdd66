"""The numbers of the page: the paper's table, skill x measure x method, and its headlines as tracks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result
from veggie_pl.metrics.score import overall_score
from veggie_pl.metrics.tables import NO_NUMBER, number
from veggie_pl.scoring.page.picks import headline
from veggie_pl.scoring.page.published import PublishedRow

_WHOLE = ("%", "score")  # units whose scale is 0 to 100


@dataclass(frozen=True)
class Cell:
    """A number of a method, as text."""

    value: str
    interval: str = ""
    without: str = ""  # the number without failed outputs
    n: int = 0
    skipped: int = 0
    is_best: bool = False


@dataclass(frozen=True)
class Line:
    """A measure of a skill: one cell per method."""

    metric: str
    unit: str
    higher_is_better: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """The measures of a skill, and what others have printed for it."""

    skill: Skill
    lines: tuple[Line, ...]
    published: tuple[PublishedRow, ...]


@dataclass(frozen=True)
class Track:
    """A number on a scale: its place and its interval's, in % of the scale."""

    method: int
    value: str
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Glance:
    """The headline of a skill, one track per method."""

    skill: Skill
    metric: str
    unit: str
    tracks: tuple[Track, ...]


def groups(reports: Mapping[str, Report], published: Sequence[PublishedRow]) -> list[Group]:
    """Make the table; rows are those that any report has, in the order of the skills."""
    by_method = [{one.row: one for one in report.results} for report in reports.values()]
    found = []
    for skill in Skill:
        metrics = dict.fromkeys(metric for rows in by_method for own, metric in rows if own == skill)
        lines = tuple(_line([rows.get((skill, metric)) for rows in by_method]) for metric in metrics)
        if lines:
            found.append(Group(skill, lines, tuple(one for one in published if one.skill == skill)))
    return found


def _line(results: Sequence[Result | None]) -> Line:
    known = [one for one in results if one is not None]
    first, values = known[0], [one.value for one in known if not math.isnan(one.value)]
    best = (max if first.higher_is_better else min)(values) if len(values) > 1 and len(set(values)) > 1 else math.nan
    cells = tuple(Cell(NO_NUMBER) if one is None else _cell(one, best) for one in results)
    return Line(first.metric, first.unit, first.higher_is_better, cells)


def _cell(result: Result, best: float) -> Cell:
    known = not (math.isnan(result.low) or math.isnan(result.high))
    return Cell(
        number(result.value),
        f"{result.low:.2f} to {result.high:.2f}" if known else "",
        number(result.value_without) if result.failed else number(result.value),
        result.n,
        result.skipped,
        result.value == best,
    )


def glances(reports: Mapping[str, Report]) -> list[Glance]:
    """Show the headline of each skill of the first report, and of the others where they have it."""
    first = next(iter(reports.values()))
    found = []
    for skill in Skill:
        if (main := headline(first, skill)) is not None:
            rows = [next((one for one in report.results if one.row == main.row), None) for report in reports.values()]
            start, end = _scale([one for one in rows if one is not None])
            tracks = tuple(_track(i, one, start, end) for i, one in enumerate(rows) if one is not None)
            found.append(Glance(skill, main.metric, main.unit, tracks))
    return found


def _track(method: int, result: Result, start: float, end: float) -> Track:
    def place(value: float) -> float:
        return round(min(100.0, max(0.0, 100 * (value - start) / (end - start))), 2)

    at = 0.0 if math.isnan(result.value) else place(result.value)
    low, high = (at if math.isnan(one) else place(one) for one in (result.low, result.high))
    return Track(method, number(result.value), at, low, high)


def _scale(rows: Sequence[Result]) -> tuple[float, float]:
    """Choose the ends of a scale: 0 to 100 for what is in %, else zero and all intervals."""
    ends = [end for one in rows for end in (one.value, one.low, one.high) if math.isfinite(end)]
    if all(one.unit in _WHOLE for one in rows) and all(0 <= end <= 100 for end in ends):
        return 0.0, 100.0
    start, end = min([0.0, *ends]), max([0.0, *ends])
    return (start, end) if end > start else (start, start + 1)


def overall(reports: Mapping[str, Report]) -> list[str]:
    """Average the headlines of each report where they are those of ``metrics.score``; "-" elsewhere."""
    found = []
    for report in reports.values():
        rows = [headline(report, skill) for skill in Skill]
        mains = [one for one in rows if one is not None]
        plain = bool(mains) and all(one.metric in ("success", "miou") for one in mains)
        found.append(number(overall_score({one.skill: one.value for one in mains})) if plain else NO_NUMBER)
    return found
