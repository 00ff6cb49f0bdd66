"""EraseDraw: photographs with objects erased one at a time, in WebDataset tars. Card: data_cards/erasedraw.md."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import in_hidden, matching, natural_key
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, expression, field, key, line, parse, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only
from veggie_pl.video.media import Media

MAX_JSON = 1 << 20  # bytes; those of real examples are a few kilobytes
EDITED = re.compile(r"edited\.(\d+)\.jpg")


class EraseDraw(Layout):
    """Tars whose members ``<id>.original.jpg``, ``<id>.json``, ``<id>.edited.00.jpg`` ... lie together.

    Each erased object is a removal; the card reads pairs backwards too, which is what the set was made for. Pictures
    stay where they are in the tar. The masks are not read: erasing took more than they cover.

    Args:
        phrase: What names an object: its short name, or the first of its longer descriptions.
    """

    kind: ClassVar[str] = "erasedraw"
    phrase: Literal["names", "prompts"] = "names"

    def entries(self, root: Path, split: str) -> Iterator[str]:
        """The tars."""
        only(self.kind, split, "train")
        names = [path.name for path in matching(root, "*.tar")]
        if not names:
            raise LayoutError(f"{root}: no file *.tar")
        yield from names

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """Of one tar; what stands before a fault in it is kept."""
        group: dict[str, Media] = {}
        about: bytes | None = None
        name = ""
        try:
            with tarfile.open(root / entry, "r:") as tar:
                for member in tar:
                    if not member.isfile() or in_hidden(member.name):
                        continue
                    owner, _, kind = member.name.rpartition("/")[2].partition(".")
                    if owner != name:
                        yield from self._group(split, entry, name, group, about)
                        name, group, about = owner, {}, None
                    if kind == "json":
                        json_file = tar.extractfile(member)
                        about = None if json_file is None else json_file.read(MAX_JSON)
                    else:
                        group[kind] = Media(entry, member.offset_data, member.size, name=member.name)
                yield from self._group(split, entry, name, group, about)
                end = tar.offset
            with (root / entry).open("rb") as file:  # tarfile takes a file that is cut off between members as whole
                file.seek(end)
                if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                    raise tarfile.ReadError("no end mark")
        except (OSError, tarfile.TarError, ValueError) as error:
            yield Skipped(key(self.kind, split, entry), f"the tar breaks off after {ascii(name)[:80]} ({line(error)})")

    def _group(
        self, split: str, entry: str, name: str, group: dict[str, Media], about: bytes | None
    ) -> Iterator[Row | Skipped]:
        """The rows of one photograph."""
        if not name:
            return
        start = key(self.kind, split, entry.removesuffix(".tar"), name)
        try:
            labels = _labels(about, self.phrase)
            edited = {kind: media for kind, media in group.items() if EDITED.fullmatch(kind)}
            if "original.jpg" not in group or not edited:
                raise ExampleError(f"no {'erased picture' if 'original.jpg' in group else 'original.jpg'}")
        except FAULTS as error:
            yield Skipped(start, str(error))
            return
        for kind, media in sorted(edited.items(), key=lambda one: natural_key(one[0])):
            place = int(kind.split(".")[1])
            try:
                phrase = _phrase(labels, place)
            except FAULTS as error:
                yield Skipped(f"{start}/{place}", str(error))
                continue
            yield Row(Example(f"{start}/{place}", Skill.REMOVAL, phrase=phrase), (group["original.jpg"],), (media,))


def _labels(about: bytes | None, name: str) -> list[Any]:
    """``{"names": ["mug", ...], "prompts": [["a red mug on the table", ...], ...]}``."""
    if about is None:
        raise ExampleError("no json")
    try:
        return field(parse(about), name, list)  # type: ignore[no-any-return]
    except ExampleError:
        raise
    except (ValueError, RecursionError) as error:
        raise ExampleError("its json is none") from error


def _phrase(labels: list[Any], place: int) -> str:
    if place >= len(labels):
        raise ExampleError(f"{len(labels)} names, but an erased picture {place:02d}")
    label = labels[place]
    return expression(text({"name": label[0] if isinstance(label, list) and label else label}, "name"))
