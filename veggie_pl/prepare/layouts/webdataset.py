"""Examples in tar shards, as WebDataset packs them; nothing is unpacked."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_hidden
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.examples import FIELDS, Columns, Field, Reading
from veggie_pl.prepare.layouts.paths import find_files
from veggie_pl.video.clip import IMAGES, VIDEOS
from veggie_pl.video.media import Media, inside

MAX_TEXT = 2**24  # bytes of a text or JSON member


class WebDataset(Layout, Reading):
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
        """The examples of one shard; a shard that ends too early gives those before."""
        path = inside(root, entry)
        key, members = "", dict[str, tarfile.TarInfo]()
        with path.open("rb") as file:
            try:
                for member in _members(file):
                    kind = member.name.rpartition("/")[2].partition(".")[2]
                    own = member.name.removesuffix(f".{kind}") if kind else member.name
                    if own != key and members:
                        yield self._example(root, entry, key, members, file)
                        members = {}
                    key = own
                    members[kind.lower()] = member
            except (tarfile.TarError, OSError, ValueError) as error:
                yield Skipped(entry, f"a shard that cannot be read to its end ({error})")
                return
            if not _ends(file):  # then nobody knows whether the last example is whole
                yield Skipped(entry, "a shard without an end: its last example and what came after are lost")
            elif members:
                yield self._example(root, entry, key, members, file)

    def watched(self, root: Path, split: str) -> Iterator[Path]:
        """The shards."""
        return (inside(root, entry) for entry in self.entries(root, split))

    def _example(
        self, root: Path, shard: str, key: str, members: dict[str, tarfile.TarInfo], file: Any
    ) -> Row | Skipped:
        name = f"{shard.removesuffix('.tar')}/{key.lstrip('./')}"
        try:
            cells: dict[str, Any] = {field: self._cell(shard, field, members, file) for field in FIELDS}
        except (OSError, ValueError, RecursionError) as error:
            return Skipped(name, f"a member that cannot be read ({' '.join(str(error).split()):.120})")
        return self.row(name, cells, root)

    def _cell(self, shard: str, field: Field, members: dict[str, tarfile.TarInfo], file: Any) -> Any:
        wanted = self.columns.get(field, field).lower()
        kinds = [wanted, *(kind for kind in members if kind.rpartition(".")[0] == wanted)]
        if field == "instruction" and field not in self.columns:
            kinds.append("txt")
        for kind in kinds:
            if (member := members.get(kind)) is not None:
                return _content(shard, kind, member, file)
        own = self.columns.get(field, "").partition(".")  # names inside JSON may have capitals
        if own[0] == "json" and (member := members.get("json")) is not None:
            found = _content(shard, "json", member, file)
            return found.get(own[2]) if isinstance(found, dict) else None
        return None


def _members(file: Any) -> Iterator[tarfile.TarInfo]:
    """Files in a tar that are not hidden, without keeping them all in memory."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]
            if member.isreg() and not in_hidden(member.name):
                yield member


def _ends(file: Any) -> bool:
    """Whether a tar closes as it must; one that was cut off between two members looks whole otherwise."""
    size: int = file.seek(0, 2)
    file.seek(max(0, size - tarfile.BLOCKSIZE))
    return size % tarfile.BLOCKSIZE == 0 and bool(file.read() == bytes(tarfile.BLOCKSIZE))


def _content(shard: str, kind: str, member: tarfile.TarInfo, file: Any) -> Any:
    """Media stay where they are; texts and JSON are read."""
    suffix = f".{kind.rpartition('.')[2]}"
    if suffix in IMAGES | VIDEOS:
        return Media(shard, member.offset_data, member.size, name=member.name)
    if member.size > MAX_TEXT:
        raise UseError(f"{member.name}: {member.size} bytes of text")
    place = file.tell()
    file.seek(member.offset_data)
    data = file.read(member.size)
    file.seek(place)
    return json.loads(data) if suffix == ".json" else data.decode("utf-8-sig").strip()
