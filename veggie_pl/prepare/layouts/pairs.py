"""Examples in a list: CSV, TSV, JSON, JSONL or Parquet, one row each."""

import csv
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pyarrow import ArrowException

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.examples import FIELDS, CellRules, Columns, FieldName
from veggie_pl.prepare.layouts.lists import LISTS, RowRange
from veggie_pl.prepare.layouts.paths import find_files
from veggie_pl.video.media import inside


class PairList(Layout, CellRules):
    """One or more lists of examples, with media beside them or, in Parquet, inside.

    Args:
        files: Below the root, with ``{split}`` for the split, and ``*`` for any text; or one such name per split.
        columns: Names in the list of source, target, mask, instruction, phrase, skill, fill, key, caption,
            source_caption and checklist; those left out have these names themselves.
    """

    kind: ClassVar[str] = "list"
    files: str | dict[str, str] = "{split}.*"
    columns: Columns = Columns()

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, RowRange]]:
        """A few hundred rows each.

        Raises:
            LayoutError: If there is no such list, or a column is missing.
        """
        for path in find_files(root, split, self.files, tuple(LISTS)):
            file = LISTS[path.suffix.lower()](path)
            name = path.relative_to(root.resolve()).as_posix()
            try:
                self._check(path, file.names())
                yield from ((name, part) for part in file.parts())
            except LayoutError:
                raise
            except (OSError, ValueError, TypeError, RecursionError, csv.Error, ArrowException) as error:
                raise LayoutError(f"{path}: cannot be read ({' '.join(str(error).split()):.200})") from error

    def rows(self, root: Path, split: str, entry: tuple[str, RowRange]) -> Iterator[Row | Skipped]:
        """Rows of one entry; their keys, if no column has them, are the list's name and the row's number."""
        name, part = entry
        path = inside(root, name)
        for number, cells in enumerate(LISTS[path.suffix.lower()](path).read(part), part[0]):
            key = f"{name.removesuffix(path.suffix)}/{number}"
            if isinstance(cells, str):
                yield Skipped(key, cells)
            else:
                yield self.row(key, {field: cells.get(self.columns.get(field, field)) for field in FIELDS}, root)

    def watched(self, root: Path, split: str) -> Iterator[Path]:
        """The lists."""
        return iter(find_files(root, split, self.files, tuple(LISTS)))

    def _check(self, path: Path, names: list[str]) -> None:
        wanted_fields: list[FieldName] = ["source", *(field for field in self.columns if field != "source")]
        for field in wanted_fields:
            if (wanted := self.columns.get(field, field)) not in names:
                close = difflib.get_close_matches(wanted, names, 3)
                hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(map(str, names[:20]))}"
                said = f"{path}: no column {wanted!r} for {field}; {hint}"
                raise LayoutError(said.encode("utf-8", "backslashreplace").decode())
