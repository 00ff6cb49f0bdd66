"""PhraseCut: phrases about regions of Visual Genome's pictures, as polygons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import (
    ExampleError,
    expression,
    field,
    key,
    load,
    number,
    rows_of,
    text,
    typed,
)
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.masks import picture, polygons, seen

SIZES = ("image_data_split3000.json", "image_data_split.json")  # the name differs between releases


class Phrasecut(Layout):
    """``refer_<part>.json``, ``image_data_split*.json`` and ``images/<image id>.jpg``.

    Args:
        parts: Official parts of each split. The file of ``val`` lacks the hundred pictures of ``miniv``, which
            belong to it; parts after the first may be missing.
    """

    kind: ClassVar[str] = "phrasecut"
    parts: dict[str, tuple[str, ...]] = {"train": ("train",), "val": ("val", "miniv"), "test": ("test",)}  # noqa: RUF012

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """(image id, its [width, height] or None, [(key, task) ...]): one per picture."""
        if not self.parts.get(split):
            raise LayoutError(f"phrasecut has no split {split}; the choices are {', '.join(self.parts)}")
        tasks = self._tasks(root, split)
        sizes = _sizes(root)
        by_image: dict[str, list[tuple[str, Any]]] = {}
        names: set[str] = set()
        for position, task in enumerate(tasks):
            found = task if isinstance(task, dict) else {}
            name = str(found.get("task_id", f"#{position}"))[:100]
            if name in names:  # keys are unique; the second of a name is told apart by its place in the file
                name = f"{name}#{position}"
            names.add(name)
            by_image.setdefault(str(found.get("image_id"))[:100], []).append((key(self.kind, split, name), task))
        for image, examples in by_image.items():
            yield image, sizes.get(image), examples

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per phrase."""
        image, declared, examples = entry

        def make(name: str, task: Any) -> Row:
            phrase = expression(text(task, "phrase"))
            source, size = picture(root, f"images/{number(field(task, 'image_id', int), 'image_id')}.jpg")
            if declared is None:
                raise ExampleError(f"image {image} is not in {SIZES[0]}")
            if list(size) != declared:
                raise ExampleError(f"polygons for {declared} pixels (height, width), but the picture has {list(size)}")
            instances = [typed(one, list, "an instance") for one in field(task, "Polygons", list)]
            mask = seen([polygons([polygon for instance in instances for polygon in instance], size)])
            return Row(Example(name, Skill.GROUNDING, phrase=phrase), (source,), mask=mask)

        yield from rows_of(examples, make)

    def _tasks(self, root: Path, split: str) -> Iterator[Any]:
        for place, part in enumerate(self.parts[split]):
            path = f"refer_{part}.json"
            if place and not (root / path).exists():
                continue
            found = load(root, path)
            if not isinstance(found, list):
                raise LayoutError(f"{root / path}: a {type(found).__name__}, not a list of phrases")
            yield from found


def _sizes(root: Path) -> dict[str, list[Any]]:
    """[height, width] by image id."""
    path = next((path for path in SIZES if (root / path).exists()), SIZES[0])
    found = load(root, path)
    if not isinstance(found, list):
        raise LayoutError(f"{root / path}: a {type(found).__name__}, not a list of images")
    images = [one for one in found if isinstance(one, dict)]
    return {str(one.get("image_id"))[:100]: [one.get("height"), one.get("width")] for one in images}
