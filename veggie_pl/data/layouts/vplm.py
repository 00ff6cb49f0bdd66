"""VPLM of RACCooN: objects of ROVI's clips, described, to be removed or added. Card: data_cards/vplm.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Skill
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, frames, mapping, read_json, text
from veggie_pl.data.layouts.rovi import CLIPS, bare, inpainted, object_masks, object_number
from veggie_pl.data.rows import Row, Skipped


class Vplm(Layout):
    """A list of ``{"vid": ..., "task": ..., "mask_id": ..., "description": "name: words"}`` beside ROVI's folders.

    Tasks ``removal`` and ``adding`` are a pair of clips each. Task ``editing`` has no edited clip (the authors repaint
    the original under a mask) and is skipped.

    Args:
        folder: Of the annotation files.
        masks: Read the object's mask, where each frame has one.
    """

    kind: ClassVar[str] = "vplm"
    folder: str = "VPLM"
    masks: bool = True

    def entries(self, root: Path, split: str) -> Iterator[tuple[int, Any]]:
        """Number and fields of each example."""
        if split == "val":
            raise LayoutError("vplm has no split val; it has train and test")
        name = f"{self.folder}/gt_{split}.json"
        examples = read_json(root, name)
        if not isinstance(examples, list):
            raise LayoutError(f"{root / name}: a list of examples expected, got a {type(examples).__name__}")
        yield from enumerate(examples)

    def rows(self, root: Path, split: str, entry: tuple[int, Any]) -> Iterator[Row | Skipped]:
        """One, or why not."""
        number, value = entry
        key = f"vplm/{split}/{number}"
        try:
            yield self._row(root, key, mapping(value))
        except FieldError as error:
            yield Skipped(key, str(error))

    def _row(self, root: Path, key: str, example: dict[str, Any]) -> Row:
        task, video = text(example, "task"), text(example, "vid")
        if task not in ("removal", "adding"):
            raise FieldError(f"task {task} has no pair of clips" if task == "editing" else f"task is {task!r}")
        thing = object_number(example, "mask_id")
        whole = frames(root, CLIPS, video)
        without = inpainted(root, video, thing, len(whole))
        return Row(
            key=key,
            skill=Skill.REMOVAL if task == "removal" else Skill.ADDITION,
            source=whole if task == "removal" else without,
            target=without if task == "removal" else whole,
            mask=object_masks(root, video, thing, whole) if self.masks else (),
            phrase=bare(text(example, "description").split(":")[0].strip("* ")),
        )
