"""The files of a record table: parts of rows, and ``table.json``, which is written last and makes them valid."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
from datasets.arrow_writer import ArrowWriter
from pydantic import BaseModel, ConfigDict, ValidationError

from veggie_pl.data.table.schema import FEATURES, Row, to_columns
from veggie_pl.errors import UseError
from veggie_pl.files import partial_of, put_file, write_text

SCHEMA = 1  # of rows and of table.json; a table of another number is prepared anew
BATCH_ROWS = 4000  # rows that lie together on disk: fewer take longer to open, more take longer to read one of
BATCH_BYTES = 64 * 2**20  # of media among them, below Arrow's 2 GiB for one column of a batch
INFO = "table.json"


class TableError(UseError):
    """A folder that holds no whole prepared table; the message says what to run."""


class TablePart(BaseModel):
    """One file of rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str  # in the table's folder
    rows: int
    bytes: int  # size of the file
    hash: str  # BLAKE2 of its content


class TableInfo(BaseModel):
    """``table.json``: what a table holds.

    Args:
        schema_version: ``SCHEMA`` of the code that wrote it.
        card: Name of its card.
        split: train, val or test.
        task: Which stream takes it.
        media: images, clips or both.
        root: Folder of the media, absolute.
        licence: From the card.
        fills: Fill colours to choose from; empty allows all.
        wordings: Templates for rows without an instruction; empty: our own.
        reverse: Whether pairs were also read backwards.
        made_from: Hash of card, settings, root and code; another one is another table.
        counts: Rows per skill.
        parts: Files, in the order of rows.
        report: What ``prepare`` kept and skipped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_version: int = SCHEMA
    card: str
    split: str = "train"
    task: str = "editing"
    media: str = "both"
    root: str
    licence: str = ""
    fills: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    reverse: bool = False
    made_from: str = ""
    counts: dict[str, int] = {}
    parts: tuple[TablePart, ...] = ()
    report: dict[str, Any] = {}

    @property
    def num_rows(self) -> int:
        """Rows in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def content(self) -> str:
        """Hash of all rows in their order: equal tables hold equal rows."""
        return hashlib.blake2b("".join(part.hash for part in self.parts).encode(), digest_size=16).hexdigest()


class PartWriter:
    """Writes rows to one file, which appears under its name when the block ends, or never.

    Args:
        path: Of the part.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.part: TablePart | None = None
        self._partial = partial_of(path)
        self._bytes = 0

    def __enter__(self) -> "PartWriter":
        self._writer = ArrowWriter(path=str(self._partial), features=FEATURES, writer_batch_size=BATCH_ROWS)
        return self

    def write(self, row: Row, frames: int = 0, height: int = 0, width: int = 0) -> None:
        """Append a row, with the facts of its source's header."""
        self._writer.write(to_columns(row, frames, height, width))
        self.counts[str(row.example.skill)] += 1
        self._bytes += sum(len(media.data or b"") for media in row.source + row.target)
        if self._bytes > BATCH_BYTES:
            self._writer.write_examples_on_file()
            self._bytes = 0

    def copy(self, batch: pa.RecordBatch) -> None:
        """Append rows of another part as they are."""
        if len(batch):
            self._writer.write_table(pa.Table.from_batches([batch]))
            self.counts.update(batch.column("skill").to_pylist())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._writer.finalize()
                with self._partial.open("rb") as file:
                    digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
                size = self._partial.stat().st_size
                put_file(self._partial, self.path)
                self.part = TablePart(file=self.path.name, rows=self.counts.total(), bytes=size, hash=digest)
        finally:
            self._partial.unlink(missing_ok=True)


def write_info(folder: Path, info: TableInfo) -> None:
    """Make a folder of parts a table."""
    write_text(folder / INFO, info.model_dump_json(indent=1) + "\n")


def read_info(folder: Path) -> TableInfo:
    """What a table holds, after looking that its parts are there.

    Raises:
        TableError: If preparing never finished there, or a part is missing or has another size than when written.
    """
    again = "python -m veggie_pl prepare CARD makes it"
    try:
        text = (folder / INFO).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{folder}: no prepared table (no {INFO} that can be read); {again}") from error
    try:
        info = TableInfo.model_validate_json(text)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) or "its JSON" for one in error.errors())
        raise TableError(f"{folder / INFO}: not written by this version, or damaged ({wrong}); {again}") from error
    if info.schema_version != SCHEMA:
        raise TableError(f"{folder}: a table of version {info.schema_version}, but this is {SCHEMA}; {again}")
    for part in info.parts:
        path = folder / Path(part.file).name
        size = path.stat().st_size if path.is_file() else None
        if size != part.bytes:
            found = "is missing" if size is None else f"has {size} bytes"
            raise TableError(f"{path}: {found}, but was written with {part.bytes}; {again}")
    return info


def write_table(folder: Path, rows: Iterable[Row], info: TableInfo, part_rows: int = 100_000) -> TableInfo:
    """A table from rows at hand, without looking at their media.

    Args:
        folder: To write to; what is in the way is replaced.
        rows: All of them.
        info: What it says of itself; parts and counts are filled in.
        part_rows: Rows per file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO).unlink(missing_ok=True)
    parts: list[TablePart] = []
    counts: Counter[str] = Counter()
    rest, more = iter(rows), True
    while more:
        with PartWriter(folder / f"rows-{len(parts):05d}.arrow") as writer:
            for _ in range(part_rows):
                row = next(rest, None)
                if row is None:
                    more = False
                    break
                writer.write(row)
        assert writer.part is not None
        parts.append(writer.part)
        counts += writer.counts
    whole = info.model_copy(update={"parts": tuple(part for part in parts if part.rows), "counts": dict(counts)})
    write_info(folder, whole)
    return whole
