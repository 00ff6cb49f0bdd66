"""Examples in tar shards, as WebDataset packs them; nothing is unpacked."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from veggie_pl.data.shards.tar import Members, find_member, read_text, samples_in
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.examples import FIELDS, CellRules, Columns, FieldName
from veggie_pl.prepare.layouts.paths import find_files
from veggie_pl.video.formats import IMAGES, VIDEOS
from veggie_pl.video.media import Media, inside


class WebDataset(Layout, CellRules):
    """Tar shards whose members ``00017.source.jpg``, ``00017.target.jpg``, ``00017.txt`` make one example.

    An example's name is all before the first dot of the file name, its folder included, and what follows says which
    member it is. Members of one example follow one another.

    Args:
        shards: Below the root, with ``{split}`` for the split, and ``*`` for any text; or one such name per split.
        columns: Which member is source, target, mask, instruction, phrase, skill, fill and key. A field of a JSON
            member is written ``json.caption``. Those left out are called as the field: ``source.jpg``.
    """

    kind: ClassVar[str] = "webdataset"
    shards: str | dict[str, str] = "{split}-*.tar"
    columns: Columns = Columns()

    def entries(self, root: Path, split: str) -> Iterator[str]:
        """Shards.

        Raises:
            LayoutError: If there is none.
        """
        for path in find_files(root, split, self.shards, (".tar", ".tar.gz", ".tgz")):
            if path.suffix.lower() != ".tar":
                raise LayoutError(f"{path}: members of a compressed shard cannot be read one by one; run gunzip on it")
            yield path.relative_to(root.resolve()).as_posix()

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """The examples of one shard; a shard that is damaged or ends too early gives those before."""
        with inside(root, entry).open("rb") as file:
            try:
                for key, members in samples_in(file):
                    yield self._example(root, entry, key, members, file)
            except (tarfile.TarError, OSError, ValueError) as error:
                yield Skipped(entry, f"a shard that cannot be read to its end ({error})")

    def watched(self, root: Path, split: str) -> Iterator[Path]:
        """The shards."""
        return (inside(root, entry) for entry in self.entries(root, split))

    def _example(self, root: Path, shard: str, key: str, members: Members, file: BinaryIO) -> Row | Skipped:
        name = f"{shard.removesuffix('.tar')}/{key.lstrip('./')}"
        try:
            cells: dict[str, Any] = {field: self._cell(shard, field, key, members, file) for field in FIELDS}
        except (OSError, ValueError, RecursionError) as error:
            return Skipped(name, f"a member that cannot be read ({' '.join(str(error).split()):.120})")
        return self.row(name, cells, root)

    def _cell(self, shard: str, field: FieldName, key: str, members: Members, file: BinaryIO) -> Any:
        """Media stay where they are; texts and JSON are read."""
        column = self.columns.get(field, field)
        kind = find_member(members, field, column)
        if kind is not None and f".{kind.rpartition('.')[2]}" in IMAGES | VIDEOS:
            return Media(shard, *members[kind], name=f"{key}.{kind}")
        return read_text(file, members, field, column)
