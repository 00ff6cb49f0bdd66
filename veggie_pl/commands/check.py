"""``check``: decodes every sample of prepared tables and lists what is bad, which training leaves out."""

import itertools
import logging
import re
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table as Drawn

from veggie_pl.check.run import Checked, Limits, check_tables
from veggie_pl.commands.options import check_options
from veggie_pl.data.table import Table
from veggie_pl.data.table.quarantine import NAME, PARTIAL
from veggie_pl.data.table.shards import INFO, TableError
from veggie_pl.file_names import matching
from veggie_pl.outputs import check_place
from veggie_pl.progress import progress

log = logging.getLogger(__name__)
MOST = 20  # kinds of faults shown per table
NOT_FREE = re.compile(r"\bnc\b|non.?commercial|research|unknown|other|proprietary|^$", re.IGNORECASE)


def check_folders(args: list[str]) -> None:
    """Check tables and print what was found.

    Raises:
        TableError: If a folder holds no prepared table.
        OutputError: If a quarantine list cannot be written there.
    """
    options = check_options().parse_args(args)
    named = [folder for name in options.tables for folder in _tables(Path(name))]
    folders = list({folder.resolve(): folder for folder in reversed(named)}.values())[::-1]  # each once
    limits = Limits(options.num_workers, options.timeout, options.memory, options.quick)
    total, done = sum(len(Table(folder)) for folder in folders), itertools.count(1)
    for folder in folders:
        for name in (NAME, PARTIAL):
            check_place(folder / name)
    with progress() as tell:
        found = check_tables(folders, limits, options.near, lambda: tell("checking", next(done), total))
    console = Console(width=140)
    for table in found:
        console.print(_drawn(table))
    for table in found:
        log.info("%s: %d of %d rows are left out", table.table.folder / NAME, len(table.faults), table.done)
    for licence, names in sorted(_licences(found).items()):
        log.info("licence %s: %s", licence or "not stated", ", ".join(names))
        if NOT_FREE.search(licence):
            log.warning("look at those terms before weights trained on %s are sold or given away", " or ".join(names))


def _tables(folder: Path) -> list[Path]:
    if (folder / INFO).exists() or not folder.is_dir():
        return [folder]
    if not (found := [path.parent for path in matching(folder, f"**/{INFO}")]):
        raise TableError(f"{folder}: no prepared table in it or below; python -m veggie_pl prepare CARD makes one")
    return found


def _drawn(table: Checked) -> Drawn:
    """List kinds of faults, the most frequent first, each with one example."""
    kinds = Counter(_kind(fault.reason) for fault in table.faults)
    example = {_kind(fault.reason): fault for fault in reversed(table.faults)}
    drawn = Drawn(title=f"{table.name}: {table.done - len(table.faults)} of {table.done} rows are good")
    for name, justify in (("rows", "right"), ("what is wrong", "left"), ("for example", "left")):
        drawn.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for kind, count in kinds.most_common(MOST):
        drawn.add_row(str(count), kind, example[kind].key)
    if rest := sum(count for _, count in kinds.most_common()[MOST:]):
        drawn.add_row(str(rest), "other reasons", "")
    return drawn


def _kind(reason: str) -> str:
    """Strip a reason of what is of one row only: the file's name in front, keys in brackets and numbers."""
    kind = re.sub(r"^\S+: ", "", reason)
    kind = re.sub(r"is the same as .*", "is the same as an earlier row", re.sub(r" \([^()]*\)$", "", kind))
    return re.sub(r"\d+(\.\d+)?", "N", kind)


def _licences(tables: list[Checked]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table in tables:
        found.setdefault(table.table.info.licence, []).append(table.name)
    return found
