"""``prepare``: a data set on disk becomes record tables, as its card says."""

import logging
import time
from pathlib import Path

from veggie_pl.commands.options import prepare_options
from veggie_pl.data.table.shards import TableInfo
from veggie_pl.prepare import PrepareError, prepare
from veggie_pl.prepare.card import CARDS, Card, read_card
from veggie_pl.prepare.report import PrepareReport
from veggie_pl.progress import progress

log = logging.getLogger(__name__)
NUM_REASONS = 5  # that are printed; the report file has all


def prepare_data(args: list[str]) -> None:
    """Prepare a card's splits and tell what was kept and skipped.

    Raises:
        ValueError: If the card, the layout or the disk does not allow it; the message says what to do.
    """
    options = prepare_options().parse_args(args)
    card = read_card(options.card)
    root = default_root(card, options.card) if options.root is None else Path(options.root)
    started = time.perf_counter()
    with progress() as tell:
        tables = prepare(
            card,
            root,
            Path(options.output),
            options.splits,
            options.num_workers,
            options.limit,
            lambda split, done, total: tell(f"{card.name}/{split}, parts", done, total),
            options.again,
        )
    for split, info in tables.items():
        _tell(Path(options.output) / card.name / split, info)
    log.info("%.1f s", time.perf_counter() - started)
    if empty := {split: info for split, info in tables.items() if not info.num_rows}:
        raise PrepareError("; ".join(_emptiness(Path(options.output) / card.name / one, empty[one]) for one in empty))


def default_root(card: Card, given: str) -> Path:
    """Find where a data set lies if nobody says: your own beside its card."""
    own = Path(given).resolve()
    return own.parent if own.is_file() and not own.is_relative_to(CARDS) else Path("datasets") / card.name


def _emptiness(folder: Path, info: TableInfo) -> str:
    """Say why a table holds nothing to train on."""
    report = PrepareReport.model_validate(info.report)
    reasons = sorted(report.reasons.values(), key=lambda reason: -reason.count)
    why = ", ".join(f"{reason.count} such as {reason.examples[0]!r}" for reason in reasons[:2])
    found = f"all {report.skipped} are skipped: {why}; all reasons: {folder / 'report.md'}" if why else "none is found"
    return f"{folder}: no row is kept of the examples, {found}"


def _tell(folder: Path, info: TableInfo) -> None:
    report = PrepareReport.model_validate(info.report)
    counts = ", ".join(f"{count} {skill}" for skill, count in info.counts.items())
    log.info("%s: %d rows (%s), %d skipped", folder, report.kept, counts, report.skipped)
    if report.expected is not None and report.expected != report.kept:
        log.info("  the card expects %d rows: %+d", report.expected, report.kept - report.expected)
    reasons = sorted(report.reasons.items(), key=lambda item: -item[1].count)
    for kind, reason in reasons[:NUM_REASONS]:
        log.info("  %d: %s (%s)", reason.count, kind, reason.examples[0])
    if report.skipped:
        log.info("  all reasons: %s", folder / "report.md")
