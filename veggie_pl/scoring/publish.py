"""What a score leaves behind: tables in the console, ``report.json``, ``report.md`` and one page to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from veggie_pl.data.streams import Stream
from veggie_pl.files import write_text
from veggie_pl.metrics.report import Report, write_report
from veggie_pl.metrics.tables import table
from veggie_pl.scoring.agreement import agreement_grids
from veggie_pl.scoring.clips import ClipsOnDisk
from veggie_pl.scoring.compare import compare_reports
from veggie_pl.scoring.page import read_published, write_page
from veggie_pl.scoring.ranking import named, rank_reports


def publish(
    report: Report,
    others: Sequence[Report],
    human: Path | None,
    streams: Mapping[str, Stream],
    outputs: Path,
    folder: Path,
    console: Console,
    seed: int,
) -> None:
    """Write all files and print the tables.

    Args:
        report: Of the method that was scored.
        others: Reports of other methods to stand beside it.
        human: CSV of people's ratings of any of them.
        streams: Of the bench, for the page's clips.
        outputs: Folder of the method's outputs.
        folder: Where the files go.
        console: Where the tables go.
        seed: Of what comparisons draw.

    Raises:
        UseError: If ratings cannot be used.
        OSError: If a file cannot be written; those that were stay.
    """
    write_report(report, folder / "report.json")  # first: it took long, the rest is made of it
    reports = [report, *others]
    comparison = compare_reports(reports, seed) if others else None
    grids = [] if human is None else agreement_grids(human, named(reports), seed)
    compared = [] if comparison is None else [comparison.grid(), rank_reports(named(reports)).grid()]
    tables = [table(report), *compared, *grids]
    for grid in tables:
        console.print(grid.console())
    write_text(folder / "report.md", "\n".join(grid.markdown() for grid in tables))
    clips = ClipsOnDisk(streams, outputs)
    write_page(folder / "report.html", reports, clips, read_published(), comparison, grids)
