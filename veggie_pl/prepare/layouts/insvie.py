"""InsViE-1M: edited clips, each named after its source. Card: data_cards/insvie_1m.md."""

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import matching
from veggie_pl.prepare.layouts.annotations import ExampleError, key, line, named, rows_of, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only, there
from veggie_pl.video.media import MediaError, inside

ROWS_OF_ENTRY = 20_000  # rows of one entry
VARIANT = re.compile(r"(_\d+){3}(?=\.mp4$)")  # of an edited clip's name, behind that of its source


class InsVie(Layout):
    """A CSV with columns ``video`` and ``instruct``; clips ``<name>_<n>_<n>_<n>.mp4``, whose source is ``<name>.mp4``.

    Args:
        file: The list, below the root.
        source: Folder of the sources.
        target: Folder of the edited clips.
    """

    kind: ClassVar[str] = "insvie"
    file: str = "*.csv"
    source: str = "source"
    target: str = "edited"

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, int]]:
        """List, and the number of a first row."""
        only(self.kind, split, "train")
        names = [path.relative_to(root).as_posix() for path in matching(root, self.file)]
        if not names:
            raise LayoutError(f"{root}: no list {self.file}")
        for name in names:
            count = sum(1 for _ in _read(root, name))
            yield from ((name, start) for start in range(0, count, ROWS_OF_ENTRY))

    def rows(self, root: Path, split: str, entry: tuple[str, int]) -> Iterator[Row | Skipped]:
        """Of one entry."""
        name, start = entry
        cells = itertools.islice(_read(root, name), start, start + ROWS_OF_ENTRY)
        examples = [(key(self.kind, split, number), one) for number, one in enumerate(cells, start)]
        yield from rows_of(examples, lambda one, example: self._row(root, one, example))

    def _row(self, root: Path, one: str, example: dict[str, Any]) -> Row:
        video, instruction = text(example, "video"), text(example, "instruct")
        if not VARIANT.search(video):
            raise ExampleError(f"{ascii(named(video))[:80]} does not tell its source: NAME_N_N_N.mp4 was expected")
        source = there(root, self.source, VARIANT.sub("", video))
        target = there(root, self.target, video)
        return Row(Example(one, editing_skill_of(instruction), instruction), (source,), (target,))


def _read(root: Path, name: str) -> Iterator[dict[str, Any]]:
    try:
        with inside(root, name).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            if missing := {"video", "instruct"} - set(reader.fieldnames or ()):
                raise LayoutError(f"{root / name}: no columns {', '.join(sorted(missing))}")
            yield from reader
    except (OSError, MediaError, csv.Error) as error:
        raise LayoutError(f"{root / name}: cannot be read ({line(error)})") from error
