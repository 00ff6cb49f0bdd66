"""A prepared data set: one uniform table of rows, mapped from disk, read in any order."""

import mmap
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datasets.table import InMemoryTable

from veggie_pl.batch import Skill
from veggie_pl.data.table.buckets import ROWS_AT_ONCE
from veggie_pl.data.table.schema import FEATURES, Row, from_columns
from veggie_pl.data.table.shards import read_info

__all__ = ["Table"]
RELEASE = 64  # rows read until their pages are given back: about 50 MiB


class Table:
    """Rows of ``prepare``, by number. It travels between processes as the name of its folder.

    Args:
        folder: ``<prepared>/<card>/<split>``.

    Raises:
        TableError: If preparing was never finished there, or parts are missing or cut off.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.info = read_info(self.folder)
        self.content, self._length = self.info.content, self.info.num_rows
        self._read = 0

    def __reduce__(self) -> tuple[type["Table"], tuple[str]]:
        return Table, (str(self.folder),)

    @cached_property
    def rows(self) -> datasets.Dataset:
        """Memory-mapped."""
        if not self.info.parts:
            return datasets.Dataset(InMemoryTable(FEATURES.arrow_schema.empty_table()))
        table = pa.concat_tables([pa.ipc.open_stream(pa.py_buffer(one)).read_all() for one in self._maps])
        self._release()
        # datasets would otherwise read all of it to make a fingerprint
        return datasets.Dataset(InMemoryTable(table), fingerprint=self.content)

    def __len__(self) -> int:
        return self._length

    def row(self, number: int) -> Row:
        """Row ``number``.

        Raises:
            IndexError: If there is no such row.
        """
        return from_columns(self.columns(number))

    def columns(self, number: int) -> dict[str, Any]:
        """Row ``number`` as it is stored, with the facts of its source's header."""
        if not 0 <= number < len(self):
            raise IndexError(f"row {number} of a table of {len(self)}")
        return self.whole_columns(number)

    def whole_columns(self, number: int) -> dict[str, Any]:
        """Row ``number`` of all that is on disk."""
        # What Dataset.__getitem__ does, less its formatting: a few times faster.
        found: dict[str, Any] = self.rows.data.fast_slice(number, 1).to_pylist()[0]
        self._read += 1
        if self._read % RELEASE == 0:
            self._release()
        return found

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column of numbers or texts, whole; of the skill, the number of each one's place in ``Skill``."""
        found: npt.NDArray[Any] = np.zeros(0, np.int32)
        filled = 0
        for one in self._maps:  # part by part, so that no more than one is resident at a time
            column = pa.ipc.open_stream(pa.py_buffer(one)).read_all().column(name)
            if name == "skill":
                column = pc.index_in(column, pa.array([str(skill) for skill in Skill])).cast(pa.int8())
            values = column.to_numpy()
            if not filled:
                found = np.empty(self._length, values.dtype)
            found[filled : filled + len(values)] = values
            filled += len(values)
            del values, column
            one.madvise(mmap.MADV_DONTNEED)
        return found

    def shapes(self) -> tuple[npt.NDArray[Any], ...]:
        """Frames, height and width of each shape that sources have, and the number of each row's own: they are few."""
        packed = self.column("frames").astype(np.int64)
        for name in ("height", "width"):  # headers with longer sides than 16 bits are refused
            packed <<= 16
            packed |= self.column(name)
        which, known = np.zeros(len(packed), np.int32), dict[int, int]()
        for start in range(0, len(packed), ROWS_AT_ONCE):
            values, own = np.unique(packed[start : start + ROWS_AT_ONCE], return_inverse=True)
            which[start : start + ROWS_AT_ONCE] = np.array([known.setdefault(int(v), len(known)) for v in values])[own]
        shapes = np.array(list(known), np.int64)
        return shapes >> 32, shapes >> 16 & 0xFFFF, shapes & 0xFFFF, which

    @cached_property
    def _maps(self) -> list[mmap.mmap]:
        maps = []
        for part in self.info.parts:
            with (self.folder / part.file).open("rb") as file:
                maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return maps

    def _release(self) -> None:
        """Stop counting pages that were read as this process's own: they stay in the system's cache."""
        for one in self._maps:
            one.madvise(mmap.MADV_DONTNEED)
