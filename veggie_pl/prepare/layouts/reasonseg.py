"""ReasonSeg: questions about pictures, answered by polygons; one JSON file per picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import natural_key
from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import (
    FAULTS,
    ExampleError,
    field,
    key,
    line,
    listed,
    question,
    read_json,
    rows_of,
    text,
)
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.masks import corners, picture, polygons, seen

SPLITS = ("train", "val", "test")


class Reasonseg(Layout):
    """``<split>/<name>.jpg`` with ``<split>/<name>.json``."""

    kind: ClassVar[str] = "reasonseg"

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """A picture's name: one per picture or annotation."""
        if split not in SPLITS:
            raise LayoutError(f"reasonseg has no split {split}; the choices are {', '.join(SPLITS)}")
        try:
            files = [Path(name) for name in listed(root, split)]
        except ExampleError as error:
            raise LayoutError(f"{root}: {error}") from error
        yield from sorted({file.stem for file in files if file.suffix in (".jpg", ".json")}, key=natural_key)

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per wording of the picture's question."""
        try:
            source, size = picture(root, f"{split}/{entry}.jpg")
            found = read_json(root, f"{split}/{entry}.json")
            mask = answer(field(found, "shapes", list), size)
            said = field(found, "text", list)
            if not said:
                raise ExampleError("it asks nothing")
        except FAULTS as error:
            yield Skipped(key(self.kind, split, entry), line(error))
            return
        yield from rows_of(
            [(key(self.kind, split, entry, number), {"text": one}) for number, one in enumerate(said)],
            lambda name, one: Row(
                Example(name, Skill.REASONING, phrase=question(text(one, "text"))), (source,), mask=mask
            ),
        )


def answer(shapes: list[Any], size: tuple[int, int]) -> tuple[Rle, ...]:
    """The region of the targets.

    Larger polygons are drawn first, and smaller ones on top of them, as in LISA's own code: a target's hole is a
    smaller polygon to ignore. Regions to ignore belong to neither side; painting leaves them as they are.

    Args:
        shapes: Labelled polygons.
        size: Of the picture, (height, width).
    """
    drawn = []
    for shape in shapes:
        label = field(shape, "label", str).lower()
        if label != "flag":  # meaningless, says LISA
            drawn.append((polygons([corners(field(shape, "points", list))], size), "ignore" not in label))
    mask = np.zeros(size, dtype=bool)
    for region, is_target in sorted(drawn, key=lambda one: -sum(rle.run_lengths(one[0].counts)[1::2])):
        mask[rle.decode(region)] = is_target
    return seen([rle.encode(mask)])
