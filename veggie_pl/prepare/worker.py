"""One part of a table: made by any process, kept for ever once it is whole."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool
from pydantic import BaseModel, ConfigDict, ValidationError

from veggie_pl.data.table.schema import Skipped
from veggie_pl.data.table.shards import PartWriter, TablePart
from veggie_pl.data.workers import limit_threads
from veggie_pl.files import write_text
from veggie_pl.prepare.card import Card
from veggie_pl.prepare.examples import examples, header_of_files
from veggie_pl.prepare.report import PrepareReport
from veggie_pl.signals import interrupts_held


class DonePart(BaseModel):
    """What is remembered of a finished part: its file, if it has any row, and what was skipped."""

    model_config = ConfigDict(extra="forbid")
    part: TablePart | None
    report: PrepareReport


@dataclass(frozen=True)
class Work:
    """A part to make.

    Args:
        card: Of the data set.
        root: Its folder.
        split: Of the card.
        folder: To write to.
        number: Of the part.
        entries: What it is made from.
        limit: Rows at most.
    """

    card: Card
    root: Path
    split: str
    folder: Path
    number: int
    entries: list[Any]
    limit: int | None

    @property
    def note(self) -> Path:
        """Is written after the part itself, and makes it count."""
        return self.folder / f"part-{self.number:05d}.json"

    def finished(self) -> DonePart | None:
        """What an earlier call made."""
        try:
            done = DonePart.model_validate_json(self.note.read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError):
            return None
        if done.part is not None:
            path = self.folder / Path(done.part.file).name
            if not path.is_file() or path.stat().st_size != done.part.bytes:
                return None
        return done


def run_here(work: Work) -> DonePart:
    """Make a part.

    Raises:
        OSError: If it cannot be written; then nothing of it is left.
    """
    report = PrepareReport()
    header_of_files.cache_clear()
    with PartWriter(work.folder / f"rows-{work.number:05d}.arrow") as writer:
        for entry in work.entries:
            for one in examples(work.card, work.root, work.split, entry):
                if isinstance(one, Skipped):
                    report.skip(one.key, one.reason)
                    continue
                row, header = one
                writer.write(row, header.frames, header.height, header.width)
                report.kept += 1
                if report.kept == work.limit:
                    break
            if report.kept == work.limit:
                break
    part = writer.part
    if part is not None and not part.rows:
        writer.path.unlink()
        part = None
    done = DonePart(part=part, report=report)
    write_text(work.note, done.model_dump_json())
    return done


def run_in_processes(works: list[Work], num_workers: int) -> Iterator[tuple[int, DonePart]]:
    """Parts in the order in which they are finished.

    Raises:
        ChildProcessError: If a process dies.
        OSError: If a part cannot be written.
    """
    pool = ProcessPool(max_workers=num_workers, initializer=limit_threads, context=get_context("spawn"))
    rest = iter(works)
    running: dict[Future[DonePart], Work] = {}
    try:
        while True:
            with interrupts_held():
                while len(running) < 2 * num_workers and (work := next(rest, None)) is not None:
                    running[pool.schedule(run_here, args=[work])] = work
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                work = running.pop(future)
                try:
                    yield work.number, future.result()
                except ProcessExpired as error:
                    first, last = str(work.entries[0])[:80], str(work.entries[-1])[:80]
                    raise ChildProcessError(f"a process died over {first} to {last} ({error})") from error
    finally:
        pool.stop()  # also on Ctrl-C: parts in the making are dropped
        pool.join()
