"""Who ranks where, over any number of reports."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report
from veggie_pl.metrics.tables import Grid, average_rank, number

_SHOWN = 4  # rows named in a note

Row = tuple[Skill, str]


@dataclass(frozen=True)
class Ranking:
    """Average ranks by the paper's rule, 1 is best.

    Args:
        ranks: By method; NaN where no row could be ranked.
        rows: Rows that are ranked.
        left_out: Rows for which some method has no number.
    """

    ranks: Mapping[str, float]
    rows: int
    left_out: tuple[Row, ...]

    def grid(self) -> Grid:
        """Make one row per method, best first."""
        order = sorted(self.ranks.items(), key=lambda one: (math.isnan(one[1]), one[1]))
        rows = tuple((name, f"{self.rows} rows", number(rank)) for name, rank in order)
        left_out = [f"{skill} {metric}" for skill, metric in self.left_out]
        note = f"Not ranked, because a method has no number: {_some(left_out)}." if left_out else ""
        return Grid("average rank", ("method", "over", "rank"), rows, note)


def named(reports: Sequence[Report]) -> dict[str, Report]:
    """Give each report a name of its own: its method's; a method that comes again is numbered.

    >>> from veggie_pl.metrics.report import Report
    >>> list(named([Report("nano", "2026-11-27", {}, {}, ()), Report("nano", "2026-11-28", {}, {}, ())]))
    ['nano', 'nano (2)']
    """
    found: dict[str, Report] = {}
    for report in reports:
        name, again = report.model, 1
        while name in found:
            again += 1
            name = f"{report.model} ({again})"
        found[name] = report
    return found


def rank_reports(reports: Mapping[str, Report]) -> Ranking:
    """Rank methods by ``metrics.tables.average_rank`` over the rows for which all have a number.

    Args:
        reports: By name of the method.
    """
    known = {
        name: {result.row for result in report.results if not math.isnan(result.value)}
        for name, report in reports.items()
    }
    ranked = set.intersection(*known.values()) if known else set()
    kept = {
        name: replace(report, results=tuple(one for one in report.results if one.row in ranked))
        for name, report in reports.items()
    }
    left_out = {row: None for report in reports.values() for row in (one.row for one in report.results)}
    return Ranking(average_rank(kept), len(ranked), tuple(row for row in left_out if row not in ranked))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
