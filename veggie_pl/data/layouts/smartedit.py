"""SmartEdit's synthetic editing data: instructions that take reasoning. Card: data_cards/smartedit.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.data.layouts.asked import asked
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, mapping, media, part, read_json, shown, text
from veggie_pl.data.rows import Row, Skipped


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
        if split != "train":
            raise LayoutError(f"smartedit has no split {split}; it has train")
        pairs = read_json(root, self.file)
        if not isinstance(pairs, dict):
            raise LayoutError(f"{root / self.file}: pairs by number expected, got a {type(pairs).__name__}")
        yield from pairs.items()

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One per instruction."""
        name, value = entry
        key = f"smartedit/{part(name)}"
        try:
            pair = mapping(value)
            source, target = (
                media(root, text(pair, field).removeprefix(self.prefix).removeprefix(self.prefix.removeprefix("./")))
                for field in ("origin_img_path", "target_img_path")
            )
            asks = pair.get("instruction")
            asks = [asks] if isinstance(asks, str) else asks
            if not isinstance(asks, list) or not asks:
                raise FieldError(f"instruction is {shown(asks)}, not a list of them")
            words = [text({"instruction": one}, "instruction") for one in asks]
        except FieldError as error:
            yield Skipped(key, str(error))
            return
        for number, instruction in enumerate(words):
            yield Row(f"{key}/{number}", asked(instruction), (source,), (target,), instruction=instruction)
