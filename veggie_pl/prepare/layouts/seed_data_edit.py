"""SEED-Data-Edit: made, collected and multi-turn edits, in three downloads. Card: data_cards/seed_data_edit.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import matching
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, key, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import fields, lines, only, there

DOWNLOADS = {
    "openimages": "SEED-Data-Edit-Part1-Openimages/auto_editing/openimages",
    "unsplash": "SEED-Data-Edit-Part1-Unsplash/auto_editing/unsplash",
    "real": "SEED-Data-Edit-Part2-3/real_editing",
    "multi_turn": "SEED-Data-Edit-Part2-3/multi_turn_editing",
}


class SeedDataEdit(Layout):
    """The three repositories side by side under one root, their archives unpacked in place.

    A line of ``annotations/*.jsonl`` is ``source_image``, ``target_image`` and ``instruction``; in the multi-turn part
    it is ``source_image``, then ``instruction_1``, ``edit_image_1``, ``instruction_2``, ...: each turn starts from the
    picture of the turn before and gives one row.

    Args:
        parts: Names of ``DOWNLOADS`` to read; those that are not there are passed over, one must be.
        rewritten: Take GPT-4V's ``instruction_new`` where a line has one.
    """

    kind: ClassVar[str] = "seed_data_edit"
    parts: tuple[str, ...] = tuple(DOWNLOADS)
    rewritten: bool = True

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, str]]:
        """Part and annotation file; each official file has about 10,000 lines."""
        if unknown := [part for part in self.parts if part not in DOWNLOADS]:
            raise LayoutError(f"seed_data_edit: unknown parts {unknown}; the choices are {', '.join(DOWNLOADS)}")
        only(self.kind, split, "train")
        files = [
            (part, path.relative_to(root).as_posix())
            for part in self.parts
            for path in matching(root / DOWNLOADS[part] / "annotations", "*.jsonl")
        ]
        if not files:
            places = ", ".join(f"{DOWNLOADS[part]}/annotations/*.jsonl" for part in self.parts)
            raise LayoutError(f"{root}: none of {places}")
        yield from files

    def rows(self, root: Path, split: str, entry: tuple[str, str]) -> Iterator[Row | Skipped]:
        """Of one annotation file."""
        part, name = entry
        for number, line in lines(root, name):
            one = key(self.kind, split, part, Path(name).stem, number)
            try:
                for turn, (source, target, instruction) in enumerate(self._turns(fields(line)), 1):
                    yield self._row(root, part, f"{one}/{turn}", source, target, instruction)
            except FAULTS as error:  # of a turn: those after it start from it
                yield Skipped(one, str(error))

    def _turns(self, line: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Source, target, instruction."""
        source = text(line, "source_image")
        if "target_image" in line:
            new = self.rewritten and isinstance(line.get("instruction_new"), str) and line["instruction_new"].strip()
            yield source, text(line, "target_image"), text(line, "instruction_new" if new else "instruction")
            return
        turn = 1
        while line.get(f"edit_image_{turn}") is not None or line.get(f"instruction_{turn}") is not None:
            target = text(line, f"edit_image_{turn}")
            yield source, target, text(line, f"instruction_{turn}")
            source, turn = target, turn + 1
        if turn == 1:
            raise ExampleError(f"neither target_image nor edit_image_1, but {ascii(sorted(line))[:200]}")

    def _row(self, root: Path, part: str, one: str, source: str, target: str, instruction: str) -> Row:
        images = f"{DOWNLOADS[part]}/images"
        pair = (there(root, images, source),), (there(root, images, target),)
        return Row(Example(one, editing_skill_of(instruction), instruction), *pair)
