"""Reports for people: aligned tables for the console and for markdown, before beside after, average rank."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.metrics.report import Report, Result

NO_NUMBER = "-"
HEAD = ("skill", "metric", "value", "95 % interval", "unit", "n")


@dataclass(frozen=True)
class Grid:
    """A table before it is drawn; the first two columns are words, the rest numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""  # below the table

    def console(self) -> Table:
        """Make a table for ``rich``'s console."""
        table = Table(title=escape(self.title), caption=escape(self.note) or None)
        for index, name in enumerate(self.head):
            table.add_column(name, justify="left" if index < 2 else "right", no_wrap=index >= 2)
        for row in self.rows:
            table.add_row(*(escape(cell) for cell in row))
        return table

    def markdown(self) -> str:
        """Write a heading and a table whose columns are also aligned as plain text."""
        widths = [max(3, *(len(row[i]) for row in (self.head, *self.rows))) for i in range(len(self.head))]
        rules = ["-" * width if i < 2 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
        lines = [_line(self.head, widths), _line(rules, widths), *(_line(row, widths) for row in self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, "", *([self.note, ""] if self.note else [])])


def table(report: Report) -> Grid:
    """Make one row per number, with its 95 % interval over samples."""
    rows = tuple(
        (*_words(result), number(result.value), _interval(result), result.unit, str(result.n))
        for result in report.results
    )
    return Grid(f"{report.model}, {report.date}", HEAD, rows, _missing(report))


def compare(before: Report, after: Report) -> Grid:
    """Put two reports side by side; the gain is positive where ``after`` is better.

    Whether a gain is more than luck is not for the two intervals alone to say: they overlap too easily where both
    reports are over the same samples.

    Raises:
        UseError: If the reports have different rows; the message names those that one of them lacks.
    """
    _check_rows({"before": before, "after": after})
    old_rows = {result.row: result for result in before.results}
    rows = []
    for new in after.results:
        old = old_rows[new.row]
        gain = (new.value - old.value) * (1 if new.higher_is_better else -1)
        change = (number(old.value), _interval(old), "->", number(new.value), _interval(new))
        rows.append((*_words(new), *change, _signed(gain), new.unit, _counts(old, new)))
    head = ("skill", "metric", "before", "95 %", "", "after", "95 %", "gain", "unit", "n")
    return Grid(f"{before.model}, {before.date} -> {after.model}, {after.date}", head, tuple(rows), _missing(after))


def average_rank(reports: Mapping[str, Report]) -> dict[str, float]:
    """Compute the average rank of each method: 1 is best.

    The methods are ranked in every row, ties share the mean of their ranks, and the ranks are averaged over the rows.
    Rows that no method has a number for are left out.

    Args:
        reports: By name of the method; all with the same rows.

    Raises:
        UseError: If rows differ, or only some methods have a number in a row: ranks would not be comparable.
    """
    _check_rows(reports)
    by_method = {name: {result.row: result for result in report.results} for name, report in reports.items()}
    ranks: dict[str, list[float]] = {name: [] for name in reports}
    for row in next(iter(by_method.values()), {}):
        values = {
            name: results[row].value * (-1 if results[row].higher_is_better else 1)
            for name, results in by_method.items()
        }
        missing = [name for name, value in values.items() if math.isnan(value)]
        if missing and len(missing) < len(values):
            raise UseError(f"{row[0]} {row[1]} has no number for {', '.join(missing)}, so methods cannot be ranked")
        if not missing:
            for name, value in values.items():
                better = sum(other < value for other in values.values())
                equal = sum(other == value for other in values.values())
                ranks[name].append(better + (1 + equal) / 2)
    return {name: sum(given) / len(given) if given else math.nan for name, given in ranks.items()}


def number(value: float) -> str:
    """Write a number with two decimals; NaN is "-"."""
    return NO_NUMBER if math.isnan(value) else f"{value:.2f}"


def _missing(report: Report) -> str:
    """Say what the numbers leave out."""
    if not report.missing:
        return ""
    counts = ", ".join(f"{count} of {stream}" for stream, count in sorted(report.missing.items()))
    return f"Left out, because they cannot be read: {counts} (reasons in ledger.jsonl)."


def _signed(value: float) -> str:
    return NO_NUMBER if math.isnan(value) else f"{value:+.2f}"


def _interval(result: Result) -> str:
    """Write both ends at one width, so that intervals align below each other."""
    if math.isnan(result.low) or math.isnan(result.high):
        return NO_NUMBER
    return f"[{result.low:6.2f}, {result.high:6.2f}]"


def _counts(old: Result, new: Result) -> str:
    return str(new.n) if old.n == new.n else f"{old.n} -> {new.n}"


def _words(result: Result) -> tuple[str, str]:
    return result.skill.title, result.metric


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"


def _check_rows(reports: Mapping[str, Report]) -> None:
    rows: dict[str, set[tuple[Skill, str]]] = {
        name: {result.row for result in report.results} for name, report in reports.items()
    }
    everything = set().union(*rows.values())
    for name, own in rows.items():
        if lacking := sorted(f"{skill} {metric}" for skill, metric in everything - own):
            raise UseError(f"reports must have the same rows, but {name} lacks {', '.join(lacking)}")
