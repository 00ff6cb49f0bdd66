"""ReVOS: questions about clips whose answers are objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import ExampleError, field, number, question, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.tracks import MasksOf, entries_of, rows_of_video
from veggie_pl.video.media import Media

FILES = {"train": "meta_expressions_train_.json", "val": "meta_expressions_valid_.json"}
TYPES = {0: "a referring expression", 1: "a question", 2: "about nothing in the video"}  # type_id


class Revos(Layout):
    """``{meta_expressions_train_.json, meta_expressions_valid_.json, mask_dict.json}`` and all frames in one folder.

    Args:
        images: Folder of the frames, ``<images>/<video>/<frame>.jpg``; a video's name has folders of its own.
        types: What to take, by ``type_id``: 0 referring expressions, 1 questions. 2 names nothing and has no mask.
    """

    kind: ClassVar[str] = "revos"
    images: str = "JPEGImages"
    types: tuple[int, ...] = (1,)

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """One per video."""
        if split not in FILES:
            raise LayoutError(f"revos has no split {split}; the choices are {', '.join(FILES)}")
        yield from entries_of(root, self.images, FILES[split], "mask_dict.json")

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per expression."""
        yield from rows_of_video(self.kind, root, split, entry, self._row)

    def _row(self, name: str, example: Any, source: tuple[Media, ...], masks: MasksOf) -> Row:
        asked = question(text(example, "exp"))
        type_id = number(field(example, "type_id", int), "type_id")
        if type_id not in self.types:
            raise ExampleError(
                f"{TYPES.get(type_id, 'of another type')} (type_id {type_id}), which the card leaves out"
            )
        return Row(Example(name, Skill.REASONING, phrase=asked), source, mask=masks(field(example, "anno_id", list)))
