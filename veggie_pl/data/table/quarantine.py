"""Lists of what cannot be used: of a table, written by ``check`` and read by training; of a run, as it meets it."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from veggie_pl.data.table.shards import read_info
from veggie_pl.errors import UseError
from veggie_pl.files import write_text

NAME = "ledger.jsonl"
PARTIAL = "ledger.partial.jsonl"  # what an interrupted check found


class QuarantineError(UseError):
    """A quarantine list that cannot be trusted; the message names the file and what to do."""


@dataclass(frozen=True)
class Fault:
    """A row of a table that training leaves out."""

    row: int
    key: str
    reason: str


def read_quarantine(folder: str | Path) -> list[Fault]:
    """Read the faults of a table, by row; none if it was never checked.

    Args:
        folder: Of the table.

    Raises:
        QuarantineError: If the file is damaged or of another state of the table.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return []
    first, _, body = path.read_bytes().partition(b"\n")
    try:
        head = json.loads(first)
        if head["hash"] != _hash(head["table"], head["checked"], body):
            raise UseError("the hash differs")
        faults = [Fault(**json.loads(line)) for line in body.splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        again = f"remove it or run `python -m veggie_pl check {folder}` again"
        raise QuarantineError(f"{path}: is damaged ({type(error).__name__}); {again}") from error
    if head["table"] != read_info(path.parent).content:
        raise QuarantineError(f"{path}: is of another table than lies there; run `python -m veggie_pl check {folder}`")
    return faults


def write_quarantine(folder: str | Path, faults: Iterable[Fault], checked: int, name: str = NAME) -> Path:
    """Replace the list of a table in one step: whatever happens, the old one is there or the new one.

    Args:
        folder: Of the table.
        faults: In any order.
        checked: Rows that were looked at.
        name: Of the file.
    """
    path = Path(folder) / name
    table = read_info(path.parent).content
    body = "".join(json.dumps(asdict(fault)) + "\n" for fault in sorted(faults, key=lambda fault: fault.row))
    head = {"table": table, "checked": checked, "hash": _hash(table, checked, body.encode())}
    write_text(path, json.dumps(head) + "\n" + body)
    return path


class RunLog:
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


def _hash(table: str, checked: int, body: bytes) -> str:
    """Hash all that a list says."""
    return hashlib.blake2b(f"{table} {checked}\n".encode() + body, digest_size=16).hexdigest()
