"""SmartEdit's synthetic editing data: instructions that take reasoning. Card: data_cards/smartedit.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, field, key, load, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only, there


class SmartEdit(Layout):
    """``{"0000": {"origin_img_path": ..., "target_img_path": ..., "instruction": [..., ...]}, ...}``.

    Each instruction of a pair is a row: the official loader draws one of them at random.

    Args:
        file: The annotation file.
        prefix: What its paths start with: they are written for a checkout of the authors' code, not for this folder.
    """

    kind: ClassVar[str] = "smartedit"
    file: str = "SyntheticData_info_new.json"
    prefix: str = "./dataset/SyntheticData/"

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, Any]]:
        """Name and fields of each pair."""
        only(self.kind, split, "train")
        pairs = load(root, self.file)
        if not isinstance(pairs, dict):
            raise LayoutError(f"{root / self.file}: a {type(pairs).__name__}, not pairs by number")
        yield from pairs.items()

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One per instruction."""
        name, pair = entry
        start = self.prefix.removeprefix("./")
        try:
            source, target = (
                there(root, "", text(pair, path).removeprefix("./").removeprefix(start))
                for path in ("origin_img_path", "target_img_path")
            )
            asks = (
                [pair["instruction"]] if isinstance(pair.get("instruction"), str) else field(pair, "instruction", list)
            )
            words = [text({"instruction": one}, "instruction") for one in asks]
            if not words:
                raise ExampleError("no instruction")
        except FAULTS as error:
            yield Skipped(key(self.kind, split, name), str(error))
            return
        for number, instruction in enumerate(words):
            one = key(self.kind, split, name, number)
            yield Row(Example(one, editing_skill_of(instruction), instruction), (source,), (target,))
