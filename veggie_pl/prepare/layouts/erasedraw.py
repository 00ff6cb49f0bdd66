"""EraseDraw: photographs with objects erased one at a time, in WebDataset tars. Card: data_cards/erasedraw.md."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from veggie_pl.batch import Example, Skill
from veggie_pl.data.shards.tar import read_part, samples_in
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import matching, natural_key
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
        name = ""
        try:
            with (root / entry).open("rb") as file:
                for path, members in samples_in(file):
                    name = path.rpartition("/")[2]
                    about = members.get("json")
                    labels = about and read_part(file, (about[0], min(about[1], MAX_JSON)))
                    media = {kind: Media(entry, *span, name=f"{path}.{kind}") for kind, span in members.items()}
                    yield from self._rows_of(split, entry, name, media, labels)
        except (OSError, tarfile.TarError, ValueError) as error:
            yield Skipped(key(self.kind, split, entry), f"the tar breaks off after {ascii(name)[:80]} ({line(error)})")

    def _rows_of(
        self, split: str, entry: str, name: str, media: dict[str, Media], about: bytes | None
    ) -> Iterator[Row | Skipped]:
        """The rows of one photograph."""
        start = key(self.kind, split, entry.removesuffix(".tar"), name)
        try:
            labels = _labels(about, self.phrase)
            edited = sorted((kind for kind in media if EDITED.fullmatch(kind)), key=natural_key)
            if "original.jpg" not in media or not edited:
                raise ExampleError(f"no {'erased picture' if 'original.jpg' in media else 'original.jpg'}")
        except FAULTS as error:
            yield Skipped(start, str(error))
            return
        for kind in edited:
            place = int(kind.split(".")[1])
            try:
                phrase = _phrase(labels, place)
            except FAULTS as error:
                yield Skipped(f"{start}/{place}", str(error))
                continue
            example = Example(f"{start}/{place}", Skill.REMOVAL, phrase=phrase)
            yield Row(example, (media["original.jpg"],), (media[kind],))


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
