"""A prepared data set: one uniform table of rows, mapped from disk, read in any order."""

from functools import cached_property
from pathlib import Path

import datasets
import numpy as np
import numpy.typing as npt

from veggie_pl.data.rows import Row, from_columns


class TableError(ValueError):
    """A folder that holds no whole prepared table; the message says what to run."""


class Table:
    """Rows of ``prepare``, by number.

    Args:
        folder: ``<prepared>/<card>/<split>``.

    Raises:
        TableError: If preparing was never finished there.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @cached_property
    def rows(self) -> datasets.Dataset:
        """Memory-mapped."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, number: int) -> Row:
        """Row ``number``."""
        return from_columns(self.rows[number])

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """One column of numbers or short texts, whole."""
        return np.asarray(self.rows.with_format("numpy")[name])
