"""The page as a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.files import write_text
from veggie_pl.metrics.report import Report
from veggie_pl.metrics.tables import Grid, number
from veggie_pl.scoring.compare import Comparison, percent
from veggie_pl.scoring.page.cards import ClipSource, cards
from veggie_pl.scoring.page.faults import MAX_ROWS, faults
from veggie_pl.scoring.page.gains import gains
from veggie_pl.scoring.page.published import PublishedRow
from veggie_pl.scoring.page.results import glances, groups, overall
from veggie_pl.scoring.ranking import named, rank_reports


def write_page(
    path: Path,
    reports: Sequence[Report],
    clips: ClipSource,
    published: Sequence[PublishedRow] = (),
    comparison: Comparison | None = None,
    grids: Sequence[Grid] = (),
) -> None:
    """Write one HTML file that shows reports; it needs no other file, no network and no script.

    It shows at most 24 samples and is smaller than 15 MB.

    Args:
        path: Where to; what is there is replaced.
        reports: The first is the one whose samples are shown, the others stand beside it.
        clips: Gives the clips of the first report's samples.
        published: What others have printed; see ``read_published``. It is marked, and in none of our numbers.
        comparison: Of the same reports.
        grids: More tables, such as agreement with people.

    Raises:
        UseError: If there is no report.
        OSError: If it cannot be written.
    """
    if not reports:
        raise UseError("a page needs at least one report")
    text = render(named(reports), clips, published, comparison, grids)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def render(
    reports: Mapping[str, Report],
    clips: ClipSource,
    published: Sequence[PublishedRow],
    comparison: Comparison | None,
    grids: Sequence[Grid],
) -> str:
    """Fill the template; whatever reports and instructions contain is shown as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    name, report = next(iter(reports.items()))
    table = groups(reports, published)
    skills = {one.skill for one in table}
    ranking = rank_reports(reports)
    return environment.get_template("page.html.jinja").render(
        name=name,
        report=report,
        methods=list(reports),
        has_failed=[any(one.failed for one in its.results) for its in reports.values()],
        bench=report.bench or "Scores",
        num_samples=num_samples(report),
        glances=glances(reports),
        groups=table,
        sources=list(dict.fromkeys(one.source for one in published if one.skill in skills)),
        overall=overall(reports),
        ranking=ranking,
        ranks=list(ranking.ranks.values()),
        comparison=comparison,
        gains={} if comparison is None else gains(comparison),
        cards=cards(name, report, clips),
        faults=faults(reports),
        max_rows=MAX_ROWS,
        grids=grids,
        number=number,
        percent=percent,
        facts_of=_facts(reports),
    )


def num_samples(report: Report) -> int:
    """Count the samples; of a report that does not list them, the most that a measure of each skill is over."""
    most: dict[Skill, int] = {}
    for one in report.results:
        most[one.skill] = max(most.get(one.skill, 0), one.n + one.skipped)
    return len(report.samples) or sum(most.values())


def _facts(reports: Mapping[str, Report]) -> list[tuple[str, list[tuple[str, Mapping[str, Any]]]]]:
    """List what made each report, under headings."""
    parts = ("conventions", "experts", "versions", "seeds")
    return [(name, [(part, getattr(report, part)) for part in parts]) for name, report in reports.items()]
