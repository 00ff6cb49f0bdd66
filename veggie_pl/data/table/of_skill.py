"""The rows of one skill in a table, numbered from 0: what a bench scores one by one."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from veggie_pl.batch import Skill
from veggie_pl.data.table.records import TableRecords
from veggie_pl.data.table.table import Table


class RowsOfTable(Table):
    """Some rows of a table, as a table.

    Args:
        folder: Of the whole table.
        numbers: Rows of the whole table.
    """

    def __init__(self, folder: str | Path, numbers: npt.NDArray[np.int64]) -> None:
        super().__init__(folder)
        self.numbers = numbers

    def __reduce__(self) -> tuple[type["RowsOfTable"], tuple[str, npt.NDArray[np.int64]]]:  # type: ignore[override]
        return RowsOfTable, (str(self.folder), self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def columns(self, number: int) -> dict[str, Any]:
        """Row ``number`` of these, as it is stored."""
        if not 0 <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        return self.whole_columns(int(self.numbers[number]))

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column of these rows."""
        found: npt.NDArray[Any] = super().column(name)[self.numbers]
        return found


class SkillRecords(TableRecords):
    """The rows of one skill, without those that ``check`` found to be bad; the rest as ``TableRecords``.

    Args:
        table: Folder of a prepared table, ``<prepared>/<card>/<split>``.
        skill: Name of the skill.
        num_frames: As ``TableRecords`` has it.
        size: As ``TableRecords`` has it.
        sampling: As ``TableRecords`` has it.
        fps: As ``TableRecords`` has it.
        stride: As ``TableRecords`` has it.
        root: As ``TableRecords`` has it.
        limit: The first so many rows; None takes all.
    """

    def __init__(
        self,
        table: str,
        skill: str,
        num_frames: int = 1,
        size: int | tuple[int, int] | None = None,
        sampling: Literal["uniform", "fps", "consecutive"] = "uniform",
        fps: float = 8.0,
        stride: int = 1,
        root: str | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(table, num_frames, size, sampling, fps, stride, root=root)
        wanted = [rows for (_, own), rows in super().groups().items() if own == Skill(skill)]
        numbers = np.sort(np.concatenate(wanted)) if wanted else np.zeros(0, np.int64)
        self.table = RowsOfTable(table, numbers[:limit])

    def bad_rows(self) -> list[int]:
        """Rows of the whole table that ``check`` found to be bad; of these rows none."""
        return [] if isinstance(self.table, RowsOfTable) else super().bad_rows()
