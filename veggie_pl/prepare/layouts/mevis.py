"""MeViS: motion expressions about clips."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import expression, field, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.tracks import MasksOf, entries_of, rows_of_video
from veggie_pl.video.media import Media

FOLDERS = {"train": "train", "val": "valid_u"}  # the official "valid" has no public masks


class Mevis(Layout):
    """``<split>/{meta_expressions.json, mask_dict.json, JPEGImages/<video>/<frame>.jpg}``.

    Args:
        expressions: Name of the file of expressions; the second release calls it ``meta_expressions_v2.json``.
    """

    kind: ClassVar[str] = "mevis"
    expressions: str = "meta_expressions.json"

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """One per video."""
        if split not in FOLDERS:
            raise LayoutError(f"mevis has no public masks for {split}; the choices are {', '.join(FOLDERS)}")
        folder = FOLDERS[split]
        yield from entries_of(root, f"{folder}/JPEGImages", f"{folder}/{self.expressions}", f"{folder}/mask_dict.json")

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per expression."""
        yield from rows_of_video(self.kind, root, split, entry, _row)


def _row(name: str, example: Any, source: tuple[Media, ...], masks: MasksOf) -> Row:
    phrase = expression(text(example, "exp"))
    return Row(Example(name, Skill.GROUNDING, phrase=phrase), source, mask=masks(field(example, "anno_id", list)))
