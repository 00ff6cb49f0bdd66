"""VPLM of RACCooN: objects of ROVI's clips, described, to be removed or added. Card: data_cards/vplm.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import ExampleError, expression, field, key, load, rows_of, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only
from veggie_pl.prepare.layouts.rovi import Inpainted


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
        only(self.kind, split, "train", "test")
        path = f"{self.folder}/gt_{split}.json"
        examples = load(root, path)
        if not isinstance(examples, list):
            raise LayoutError(f"{root / path}: a {type(examples).__name__}, not a list of examples")
        yield from enumerate(examples)

    def rows(self, root: Path, split: str, entry: tuple[int, Any]) -> Iterator[Row | Skipped]:
        """One, or why not."""

        def make(name: str, example: Any) -> Row:
            task = text(example, "task")
            if task not in ("removal", "adding"):
                raise ExampleError(f"task {ascii(task)[:40]}: only removal and adding have a pair of clips")
            clip = Inpainted(root, text(example, "vid"), self.masks)
            left, mask = clip.without(field(example, "mask_id", object))
            pair = (clip.whole, left) if task == "removal" else (left, clip.whole)
            skill = Skill.REMOVAL if task == "removal" else Skill.ADDITION
            phrase = text({"name": text(example, "description").split(":")[0].strip("* ")}, "name")
            return Row(Example(name, skill, phrase=expression(phrase)), *pair, mask)

        number, value = entry
        yield from rows_of([(key(self.kind, split, number), value)], make)
