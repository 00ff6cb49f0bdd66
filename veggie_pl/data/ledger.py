"""Ledgers of what cannot be used: of a table, written by ``check`` and read by training; of a run, as it meets them."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from veggie_pl.data.parts import read_info, write_atomically

NAME = "ledger.jsonl"
PARTIAL = "ledger.partial.jsonl"  # what an interrupted check found


class LedgerError(ValueError):
    """A ledger that cannot be trusted; the message names the file and what to do."""


@dataclass(frozen=True)
class Fault:
    """A row of a table that training leaves out."""

    row: int
    key: str
    reason: str


def read_ledger(folder: str | Path) -> list[Fault]:
    """The faults of a table, by row; none if it was never checked.

    Args:
        folder: Of the table.

    Raises:
        LedgerError: If the file is damaged or of another state of the table.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return []
    head, *rest = list(_lines(path)) or [{}]
    if head.get("table") != read_info(path.parent).content:
        raise LedgerError(
            f"{path}: is of another table than the one beside it; run `python -m veggie_pl check {folder}`"
        )
    try:
        faults = [Fault(**found) for found in rest]
    except TypeError as error:
        raise _damaged(path) from error
    if any(type(fault.row) is not int or type(fault.key) is not str or fault.row < 0 for fault in faults):
        raise _damaged(path)
    if head.get("faults") != len(faults):
        raise _damaged(path)
    return faults


def write_ledger(folder: str | Path, faults: Iterable[Fault], checked: int, name: str = NAME) -> Path:
    """Replace the ledger of a table in one step: whatever happens, the old one is there or the new one.

    Args:
        folder: Of the table.
        faults: In any order.
        checked: Rows that were looked at.
        name: Of the file.
    """
    ordered = sorted(faults, key=lambda fault: fault.row)
    path = Path(folder) / name
    head = {"table": read_info(path.parent).content, "checked": checked, "faults": len(ordered)}
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in [head, *map(asdict, ordered)]))
    return path


class RunLedger:
    """What a run could not read, one line each, added as it happens.

    A line that is there already is not added again, and one that a crash cut off is dropped: a resumed run goes on with
    the file as if it had not been stopped.

    Args:
        path: Of the file; made with the first line.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._known: set[str] = set()
        if self.path.exists():
            whole = self.path.read_bytes()
            kept = whole[: whole.rfind(b"\n") + 1]
            if len(kept) < len(whole):
                os.truncate(self.path, len(kept))
            self._known = set(kept.decode(errors="replace").splitlines())

    def add(self, stream: str, index: int, row: int, key: str, reason: str) -> None:
        """Append one sample.

        Args:
            stream: Of the mixture, or "val/..." and "test/...".
            index: Position in the mixture or in the split.
            row: Of the stream.
            key: Of the record.
            reason: One line.
        """
        line = json.dumps({"stream": stream, "index": index, "row": row, "key": key, "reason": reason})
        if line in self._known:
            return
        self._known.add(line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            if not isinstance(found, dict):
                raise _damaged(path)
            yield found
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> LedgerError:
    return LedgerError(f"{path}: is damaged; remove it or run `python -m veggie_pl check {path.parent}` again")
