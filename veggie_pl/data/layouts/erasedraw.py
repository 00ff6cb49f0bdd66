"""EraseDraw: photographs with objects erased one at a time, in WebDataset tars. Card: data_cards/erasedraw.md."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from veggie_pl.batch import Skill
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, found, mapping, shown, text
from veggie_pl.data.media import Media
from veggie_pl.data.rows import Row, Skipped

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
        if split != "train":
            raise LayoutError(f"erasedraw has no split {split}; it has train")
        yield from found(root, "*.tar")

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """Of one tar; what stands before a fault in it is kept."""
        group: dict[str, Media] = {}
        about: bytes | None = None
        name = ""
        try:
            with tarfile.open(root / entry, "r:") as tar:
                for member in tar:
                    if not member.isfile():
                        continue
                    owner, _, kind = member.name.rpartition("/")[2].partition(".")
                    if owner != name:
                        yield from self._group(entry, name, group, about)
                        name, group, about = owner, {}, None
                    if kind == "json":
                        json_file = tar.extractfile(member)
                        about = None if json_file is None else json_file.read(MAX_JSON)
                    else:
                        group[kind] = Media(entry, member.offset_data, member.size, name=member.name)
                yield from self._group(entry, name, group, about)
                end = tar.offset
            with (root / entry).open("rb") as file:  # tarfile takes a file that is cut off between members as whole
                file.seek(end)
                if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                    raise tarfile.ReadError("no end mark")
        except (OSError, tarfile.TarError, ValueError) as error:
            yield Skipped(f"erasedraw/{entry}", f"the tar breaks off after {name or 'nothing'} ({shown(error)})")

    def _group(self, entry: str, name: str, group: dict[str, Media], about: bytes | None) -> Iterator[Row | Skipped]:
        """The rows of one photograph."""
        if not name:
            return
        key = f"erasedraw/{entry.removesuffix('.tar')}/{name}"
        try:
            labels = _labels(about, self.phrase)
            edited = {kind: media for kind, media in group.items() if EDITED.fullmatch(kind)}
            if "original.jpg" not in group or not edited:
                raise FieldError(f"has no {'erased picture' if 'original.jpg' in group else 'original.jpg'}")
        except FieldError as error:
            yield Skipped(key, str(error))
            return
        for kind, media in sorted(edited.items()):
            place = int(kind.split(".")[1])
            try:
                phrase = _phrase(labels, place)
            except FieldError as error:
                yield Skipped(f"{key}/{place}", str(error))
                continue
            yield Row(f"{key}/{place}", Skill.REMOVAL, (group["original.jpg"],), (media,), phrase=phrase)


def _labels(about: bytes | None, field: str) -> list[Any]:
    """``{"names": ["mug", ...], "prompts": [["a red mug on the table", ...], ...]}``."""
    if about is None:
        raise FieldError("has no json")
    try:
        labels = mapping(json.loads(about.decode("utf-8"))).get(field)
    except (ValueError, RecursionError) as error:
        raise FieldError(f"its json is none ({shown(error)})") from error
    if not isinstance(labels, list):
        raise FieldError(f"{field} is {shown(labels)}, not a list")
    return labels


def _phrase(labels: list[Any], place: int) -> str:
    if place >= len(labels):
        raise FieldError(f"has {len(labels)} names, but an erased picture {place:02d}")
    label = labels[place]
    if isinstance(label, list) and label:
        label = label[0]
    return text({"name": label}, "name").rstrip(".")
