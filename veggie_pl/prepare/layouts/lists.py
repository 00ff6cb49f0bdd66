"""Files that hold a list of examples: read in parts, so that no process needs the whole of a long one."""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from veggie_pl.errors import UseError

ROWS_TOGETHER = 200  # rows of one part
Cells = dict[str, Any] | str  # a row by column, or what is wrong with it
RowRange = tuple[int, int, int]  # number of its first row, and two numbers that say where it lies
csv.field_size_limit(2**27)  # a mask's run lengths are longer than what csv allows by itself


class ListFile(ABC):
    """A list of examples in one file."""

    def __init__(self, path: Path) -> None:
        self.path, self.changed = path, path.stat().st_mtime_ns

    @abstractmethod
    def names(self) -> list[str]:
        """Its columns: of those without a header, the fields of the first row."""

    @abstractmethod
    def parts(self) -> Iterator[RowRange]:
        """Where some hundred rows each lie, in order."""

    @abstractmethod
    def read(self, part: RowRange) -> Iterator[Cells]:
        """The rows of one part."""


class _Text(ListFile):
    """Rows that follow one another as text."""

    def parts(self) -> Iterator[RowRange]:
        number = start = end = 0
        with self.path.open("rb") as file:
            for count, end in enumerate(self._ends(file), 1):
                if count % ROWS_TOGETHER == 0:
                    yield number, start, end - start
                    number, start = count, end
        if end > start:
            yield number, start, end - start

    @abstractmethod
    def _ends(self, file: Any) -> Iterator[int]:
        """The byte after each row."""

    def _text(self, part: RowRange) -> list[str]:
        with self.path.open("rb") as file:
            file.seek(part[1])
            data = file.read(part[2])
        return [line.decode("utf-8", "surrogateescape") for line in data.splitlines(keepends=True)]


class CsvList(_Text):
    """A header and rows, with commas or tabs between cells."""

    @property
    def _form(self) -> dict[str, str]:
        return {"delimiter": "\t" if self.path.suffix.lower() == ".tsv" else ","}

    def names(self) -> list[str]:
        """The header."""
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return next((header(cells) for cells in csv.reader(file, **self._form) if not is_empty(cells)), [])  # type: ignore[arg-type]

    def parts(self) -> Iterator[RowRange]:
        """The header is no row."""
        return ((max(number - 1, 0), start, length) for number, start, length in super().parts())

    def _ends(self, file: Any) -> Iterator[int]:
        place = 0

        def lines() -> Iterator[str]:
            nonlocal place
            for line in file:
                place += len(line)
                yield line.decode("utf-8", "surrogateescape")

        for cells in csv.reader(lines(), **self._form):  # type: ignore[arg-type]
            if not is_empty(cells):
                yield place  # a cell in quotes may hold line breaks

    def read(self, part: RowRange) -> Iterator[Cells]:
        """A row that has another number of cells than the header is told."""
        names = self.names()
        rows = csv.reader(self._text(part), **self._form)  # type: ignore[arg-type]
        for number, cells in enumerate(cells for cells in rows if not is_empty(cells)):
            if number == 0 and part[1] == 0:
                continue  # the header
            if not any(cells[len(names) :]):
                cells = cells[: len(names)]  # commas behind the last cell
            if len(cells) != len(names):
                yield f"{len(cells)} cells, but the header has {len(names)}"
            elif any(cell and not cell.isascii() and not _is_text(cell) for cell in cells):
                yield "its text is not UTF-8"
            else:
                yield dict(zip(names, cells, strict=True))


class JsonlList(_Text):
    """One JSON object a line."""

    def names(self) -> list[str]:
        """Fields of the first row that has any."""
        for part in self.parts():
            for cells in self.read(part):
                if isinstance(cells, dict):
                    return list(cells)
        return []

    def _ends(self, file: Any) -> Iterator[int]:
        place = 0
        for line in file:
            place += len(line)
            if is_line(line):
                yield place

    def read(self, part: RowRange) -> Iterator[Cells]:
        """A line that is no JSON object is told."""
        with self.path.open("rb") as file:
            file.seek(part[1])
            lines = file.read(part[2]).split(b"\n")
        for line in filter(is_line, lines):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield f"no JSON ({' '.join(str(error).split()):.80})"
                continue
            yield found if isinstance(found, dict) else f"a {type(found).__name__}, not an object with fields"


class JsonList(ListFile):
    """One JSON array of objects."""

    def names(self) -> list[str]:
        """Fields of the first row."""
        return next((list(one) for one in _load(self.path, self.changed) if isinstance(one, dict)), [])

    def parts(self) -> Iterator[RowRange]:
        """By row numbers."""
        return ((start, start, ROWS_TOGETHER) for start in range(0, len(_load(self.path, self.changed)), ROWS_TOGETHER))

    def read(self, part: RowRange) -> Iterator[Cells]:
        """A row that is no object is told."""
        for found in _load(self.path, self.changed)[part[1] : part[1] + part[2]]:
            yield found if isinstance(found, dict) else f"a {type(found).__name__}, not an object with fields"


class ParquetList(ListFile):
    """A table, perhaps with media inside as Hugging Face stores them."""

    def names(self) -> list[str]:
        """The schema's columns."""
        return list(pq.ParquetFile(self.path).schema_arrow.names)

    def parts(self) -> Iterator[RowRange]:
        """By row group and row within."""
        metadata, number = pq.ParquetFile(self.path).metadata, 0
        for group in range(metadata.num_row_groups):
            count = metadata.row_group(group).num_rows
            yield from ((number + start, group, start) for start in range(0, count, ROWS_TOGETHER))
            number += count

    def read(self, part: RowRange) -> Iterator[Cells]:
        """Rows of one group."""
        rows = _row_group(self.path, self.changed, part[1]).slice(part[2], ROWS_TOGETHER)
        for number in range(rows.num_rows):  # one by one: embedded media are large
            yield rows.slice(number, 1).to_pylist()[0]


def header(cells: list[str]) -> list[str]:
    """The names of columns, without spaces around them and without commas behind the last one."""
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def is_empty(cells: Sequence[str]) -> bool:
    """Whether a row is a blank line, or commas alone: no example."""
    return not any(cell.strip("\ufeff \t\r\n") for cell in cells)


def is_line(line: bytes) -> bool:
    """Whether a line holds anything."""
    return bool(line.removeprefix(b"\xef\xbb\xbf").strip())


@lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> list[Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, list):
        raise UseError(f"a JSON {type(found).__name__}, but an array of objects is needed")
    return found


@lru_cache(maxsize=1)
def _row_group(path: Path, changed: int, group: int) -> Any:
    return pq.ParquetFile(path).read_row_group(group)


def _is_text(cell: str) -> bool:
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError:  # a byte that was kept as half a surrogate pair
        return False
    return True


LISTS: dict[str, type[ListFile]] = {
    ".csv": CsvList,
    ".tsv": CsvList,
    ".json": JsonList,
    ".jsonl": JsonlList,
    ".parquet": ParquetList,
}
