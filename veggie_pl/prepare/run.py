"""Prepares a card's splits: in parts, by several processes, taken up again where it was stopped."""

import errno
import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from veggie_pl.data.table.shards import INFO, SCHEMA, TableError, TableInfo, read_info, write_info
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.files import name_of_old, put_folder, restore, write_text
from veggie_pl.prepare.card import Card, CardError
from veggie_pl.prepare.layouts import LayoutError
from veggie_pl.prepare.report import PrepareReport
from veggie_pl.prepare.unique_rows import unique_rows
from veggie_pl.prepare.worker import DonePart, Work, run_here, run_in_processes

CODE = 4  # raise it when the same files and card become other rows
MAX_PARTS = 256  # of a table: opening many takes long, losing one on Ctrl-C does too
MIN_ENTRIES = 4  # of a part
ALONE = 2.0  # seconds before other processes are started: a small data set is done by then
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Progress = Callable[[str, int, int], None]  # split, parts that are done, parts in all


class PrepareError(UseError):
    """Preparing that cannot go on; the message says what to do."""


def prepare(
    card: Card,
    root: Path,
    output: Path,
    splits: Sequence[str] | None = None,
    num_workers: int = 0,
    limit: int | None = None,
    progress: Progress | None = None,
    again: bool = False,
) -> dict[str, TableInfo]:
    """Make the tables ``<output>/<card>/<split>``; what is already there and unchanged is kept.

    A table appears when it is whole. Until then finished parts lie in ``<split>.partial``, and the next call with the
    same card, root and settings goes on from them.

    Args:
        card: Of the data set.
        root: Its folder, as downloaded.
        output: Where prepared tables go.
        splits: Some of the card's; None takes all.
        num_workers: Processes; 0 works in this one.
        limit: Rows per split at most: the first ones.
        progress: Told of every part that is done.
        again: Make tables anew though nothing that can be seen without reading all has changed.

    Raises:
        CardError: If the card has no layout or no such split.
        LayoutError: If files that all depends on are missing or damaged.
        PrepareError: If the disk is full, a process dies or another one prepares the same table.
    """
    if card.layout is None:
        raise CardError(f"{card.name} has no layout: nothing is to be prepared")
    if unknown := [split for split in splits or () if split not in card.splits]:
        raise CardError(f"{card.name} has no split {', '.join(unknown)}; the choices are {', '.join(card.splits)}")
    if not root.is_dir():
        raise LayoutError(f"{root}: no such folder; --root names the folder of {card.title} ({card.url})")
    if limit is not None and limit < 1:
        raise PrepareError(f"limit must be at least 1, got {limit}")
    for split in splits or tuple(card.splits):
        _check_place(output / card.name / split, root)
    tables = {}
    for split in splits or tuple(card.splits):
        folder = output / card.name / split
        try:
            tables[split] = _prepare_split(card, root.resolve(), folder, split, num_workers, limit, progress, again)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise PrepareError(
                f"no space left to write {folder} ({error.strerror or error}): make room and run the same command "
                f"again; finished parts are kept in {_partial(folder)}, the table is not there before all are"
            ) from error
    return tables


def _prepare_split(
    card: Card,
    root: Path,
    folder: Path,
    split: str,
    num_workers: int,
    limit: int | None,
    progress: Progress | None,
    again: bool,
) -> TableInfo:
    restore(name_of_old(folder))  # a replacement that was stopped half-way
    entries = _entries(card, root, split)
    made_from = _made_from(card, root, split, entries, limit)
    if again:
        shutil.rmtree(_partial(folder), ignore_errors=True)
    elif (known := _known(folder)) is not None and known.made_from == made_from:
        return known
    with _alone(_partial(folder), made_from) as partial:
        size = max(-(-len(entries) // MAX_PARTS), MIN_ENTRIES)
        chunks = [entries[start : start + size] for start in range(0, len(entries), size)]
        works = [Work(card, root, split, partial, number, chunk, limit) for number, chunk in enumerate(chunks)]
        done: dict[int, DonePart] = {}
        for number, one in _parts(works, num_workers, limit):
            done[number] = one
            if progress is not None:
                progress(split, len(done), len(works))
        parts = [done[number] for number in sorted(done)]
        report = PrepareReport.joined(one.report for one in parts)
        table_parts, counts = unique_rows(partial, [one.part for one in parts if one.part], report, limit)
        report.expected = card.splits[split] if limit is None else None  # type: ignore[index]
        info = TableInfo(
            card=card.name,
            split=split,
            task=card.task,
            media=card.media,
            root=str(root),
            licence=card.licence,
            fills=card.fills,
            wordings=card.wordings,
            reverse=card.reverse,
            made_from=made_from,
            counts=counts,
            parts=tuple(table_parts),
            report=report.model_dump(),
        )
        write_text(partial / "report.md", report.markdown(f"{card.title}, {split}", counts))
        write_info(partial, info)
        for path in [*partial.glob("part-*.json"), partial / "work.json"]:
            path.unlink()
        put_folder(partial, folder)
    return info


def _entries(card: Card, root: Path, split: str) -> list[Any]:
    assert card.layout is not None
    try:
        return list(card.layout.entries(root, split))
    except LayoutError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError) as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        raise LayoutError(f"{root}: not laid out as {card.layout.kind} should be ({said})") from error


def _made_from(card: Card, root: Path, split: str, entries: list[Any], limit: int | None) -> str:
    """Hash of all that decides about rows."""
    settings = json.dumps(card.model_dump(mode="json", exclude={"bench"}), sort_keys=True)  # rows know no bench
    digest = hashlib.blake2b(repr((SCHEMA, CODE, settings, str(root), limit)).encode(), digest_size=16)
    for entry in entries:
        digest.update(repr(entry).encode())
    assert card.layout is not None
    for path in card.layout.watched(root, split):
        found = path.stat()
        digest.update(repr((str(path), found.st_size, found.st_mtime_ns)).encode())
    return digest.hexdigest()


def _known(folder: Path) -> TableInfo | None:
    try:
        return read_info(folder)
    except TableError:
        return None


def _partial(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


@contextmanager
def _alone(partial: Path, made_from: str) -> Iterator[Path]:
    """The folder of unfinished work, emptied if it was about something else, for one process at a time.

    Raises:
        PrepareError: If another one works there.
    """
    partial.mkdir(parents=True, exist_ok=True)
    with (partial.parent / f".{partial.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PrepareError(f"{partial}: another process is preparing this table") from error
        work = partial / "work.json"
        if not work.is_file() or work.read_text(encoding="utf-8") != made_from:
            shutil.rmtree(partial)
            partial.mkdir()
            write_text(work, made_from)
        for path in partial.glob(".*.partial"):
            path.unlink()
        yield partial


def _parts(works: list[Work], num_workers: int, limit: int | None) -> Iterator[tuple[int, DonePart]]:
    """Parts as they are finished, those of an earlier call first; no more than ``limit`` needs."""
    if limit is not None:  # one after another, to know when it is enough
        kept = 0
        for work in works:
            if kept >= limit:
                return
            one = work.finished() or run_here(work)
            kept += one.report.kept
            yield work.number, one
        return
    found = {work.number: done for work in works if (done := work.finished()) is not None}
    yield from found.items()
    rest = [work for work in works if work.number not in found]
    started = time.monotonic()
    while rest and (num_workers == 0 or len(rest) == 1 or time.monotonic() - started < ALONE):
        work = rest.pop(0)
        yield work.number, run_here(work)
    if not rest:
        return
    try:
        yield from run_in_processes(rest, min(num_workers, len(rest)))
    except ChildProcessError as error:
        raise PrepareError(f"{error}; --num_workers 0 shows where") from error


def _check_place(folder: Path, root: Path) -> None:
    """Look whether a table may be put here: in place of an older one, and of nothing else.

    Raises:
        PrepareError: If something else is there, or the data themselves are in it.
    """
    is_table = (folder / INFO).is_file()
    if folder.exists() and not is_table and (not folder.is_dir() or in_order(folder)):
        raise PrepareError(f"{folder} is there and is no table: name another output, or move it away first")
    if root.resolve().is_relative_to(folder.resolve()):
        raise PrepareError(f"the data in {root} lie where the table would go, {folder}; name another output")
