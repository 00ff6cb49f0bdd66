"""Examines whole tables in processes of their own, which may crash, hang or run out of memory one by one."""

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from pebble import ProcessExpired, ProcessPool

from veggie_pl.check.duplicates import Hashed, Hashes, duplicates, leaks, lookalikes
from veggie_pl.check.examine import Finding, examine
from veggie_pl.data.table import Table
from veggie_pl.data.table.quarantine import NAME, PARTIAL, Fault, write_quarantine
from veggie_pl.data.workers import limit_threads
from veggie_pl.errors import UseError

GIB = 2**30
Examine = Callable[[str, int, bool], Finding]  # folder of a table, row, quick
IN_FLIGHT = 64  # rows per process that wait for their turn: results are looked for ten times a second


@dataclass(frozen=True)
class Limits:
    """What one row may take.

    Args:
        num_workers: Processes.
        timeout: Seconds.
        memory: GiB beyond what an idle process has.
        quick: Decode three frames of each clip instead of all.
    """

    num_workers: int = 2
    timeout: float = 30.0
    memory: float = 4.0
    quick: bool = False

    def __post_init__(self) -> None:
        if self.num_workers < 1 or self.timeout <= 0 or self.memory <= 0:
            raise UseError(
                f"checking needs a process, time and memory, got num_workers={self.num_workers}, "
                f"timeout={self.timeout:g}, memory={self.memory:g}"
            )


@dataclass
class Checked:
    """A table and what was found so far."""

    table: Table
    faults: list[Fault] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.source, self.example, self.look = (np.zeros(len(self.table), np.uint64) for _ in range(3))

    @property
    def name(self) -> str:
        """Card and split."""
        return f"{self.table.info.card}/{self.table.info.split}"

    def key(self, row: int) -> str:
        """Key of a row."""
        return str(self.table.columns(row)["key"])

    def take(self, row: int, finding: Finding) -> None:
        """Note what was found of a row."""
        self.done += 1
        self.source[row], self.example[row], self.look[row] = finding.source, finding.example, finding.look
        if finding.reason:
            self.faults.append(Fault(row, self.key(row), finding.reason))

    def hashed(self) -> Hashed:
        """For comparisons with other tables."""
        columns: tuple[Hashes, Hashes, Hashes] = (self.source, self.example, self.look)
        return Hashed(self.name, self.table.info.split, self.key, *columns)


def check_tables(
    folders: Sequence[Path],
    limits: Limits,
    near: int | None = None,
    on_row: Callable[[], None] = lambda: None,
    examine: Examine | None = None,
) -> list[Checked]:
    """Examine every row, compare rows and tables, and write the quarantine lists that training reads.

    Interrupted, it keeps what it found as ``ledger.partial.jsonl``, which nothing reads.

    Args:
        folders: Of tables; those that belong together, so that what is held out is known.
        limits: Of one row.
        near: Also leave out sources that look like one held out: how many bits of 64 may differ.
        on_row: Called after every row.
        examine: See ``examine_all``.

    Raises:
        TableError: If a folder holds no table.
    """
    tables = [Checked(Table(folder)) for folder in folders]
    try:
        for place, row, finding in examine_all(folders, limits, examine or examine_row):
            tables[place].take(row, finding)
            on_row()
    except BaseException:
        for table in tables:
            write_quarantine(table.table.folder, table.faults, table.done, PARTIAL)
        raise
    hashed = [table.hashed() for table in tables]
    alike = [[] for _ in tables] if near is None else lookalikes(hashed, near)
    for table, one, leaked, similar in zip(tables, hashed, leaks(hashed), alike, strict=True):
        known = {fault.row for fault in table.faults}
        for fault in [*duplicates(one), *leaked, *similar]:
            if fault.row not in known:
                known.add(fault.row)
                table.faults.append(fault)
        write_quarantine(table.table.folder, table.faults, table.done, NAME)
        (table.table.folder / PARTIAL).unlink(missing_ok=True)
    return tables


def examine_row(folder: str, row: int, quick: bool) -> Finding:
    """One row of the table in a folder."""
    table = _table(folder)
    return examine(table.row(row), Path(table.info.root), quick)


def examine_all(
    folders: Sequence[Path], limits: Limits, examine: Examine = examine_row
) -> Iterator[tuple[int, int, Finding]]:
    """Every row of some tables, in no particular order: number of the table, of the row, and what was found.

    A row at which a process dies is tried once more, in a fresh one: the fault may be of the row before.

    Args:
        folders: Of tables.
        limits: Of one row.
        examine: Called in another process with folder, row and ``limits.quick``.
    """
    rows = ((place, row) for place, folder in enumerate(folders) for row in range(len(Table(folder))))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # a process that has died is replaced without importing all again
    pool = ProcessPool(limits.num_workers, initializer=_confine, initargs=(limits.memory,), context=context)
    running: dict[Future[Finding], tuple[int, int, bool]] = {}

    def start(place: int, row: int, is_again: bool) -> None:
        future = pool.submit(examine, limits.timeout, str(folders[place]), row, limits.quick)
        running[future] = (place, row, is_again)

    try:
        for place, row in islice(rows, limits.num_workers * IN_FLIGHT):
            start(place, row, False)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                place, row, is_again = running.pop(future)
                error = future.exception()
                if isinstance(error, ProcessExpired) and not is_again:
                    start(place, row, True)
                    continue
                yield place, row, Finding(_reason(error, limits)) if error else future.result()
                if (following := next(rows, None)) is not None:
                    start(*following, False)
        pool.close()
    finally:
        pool.stop()
        pool.join()


def _reason(error: BaseException, limits: Limits) -> str:
    if isinstance(error, TimeoutError):
        return f"took longer than {limits.timeout:g} s"
    if isinstance(error, ProcessExpired):
        return f"crashed while being decoded (exit code {error.exitcode})"
    if isinstance(error, MemoryError) or "Insufficient memory" in str(error):
        return f"needs more than {limits.memory:g} GiB of memory"
    lines = str(error).strip().splitlines()
    return f"unexpected {type(error).__name__}: {lines[0] if lines else ''}"


@lru_cache(maxsize=8)
def _table(folder: str) -> Table:
    return Table(folder)


def _confine(memory: float) -> None:
    """A process that can take neither the machine's memory nor its screen."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if os.path.exists("/proc/self/statm") else 0
    limit = pages * resource.getpagesize() + int(memory * GIB)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write what they also raise
    limit_threads()
