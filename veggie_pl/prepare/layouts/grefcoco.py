"""gRefCOCO: expressions about one, several or no objects of COCO's pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
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
from veggie_pl.prepare.layouts.masks import picture, polygons, run_lengths, seen

OFFICIAL_SPLITS = {"train": ("train",), "val": ("val",), "test": ("testA", "testB")}


class Grefcoco(Layout):
    """``grefcoco/{grefs(unc).json, instances.json}`` and ``images/train2014/COCO_train2014_*.jpg``, as ReLA has them.

    Args:
        folder: Of the two files.
        images: Of the pictures.
    """

    kind: ClassVar[str] = "grefcoco"
    folder: str = "grefcoco"
    images: str = "images/train2014"

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """(image or None, objects by id, [(key, (reference, sentence)) ...]): one per picture."""
        if split not in OFFICIAL_SPLITS:
            raise LayoutError(f"grefcoco has no split {split}; the choices are {', '.join(OFFICIAL_SPLITS)}")
        path = f"{self.folder}/grefs(unc).json"
        references = load(root, path)
        if not isinstance(references, list):
            raise LayoutError(f"{root / path}: a {type(references).__name__}, not a list of references")
        images, objects = self._instances(root)
        by_image: dict[str, list[tuple[str, Any]]] = {}
        names: set[str] = set()
        for position, reference in enumerate(references):
            if not isinstance(reference, dict) or reference.get("split") not in OFFICIAL_SPLITS[split]:
                continue  # without a split nobody can say where it belongs
            sentences = reference.get("sentences")
            for place, sentence in enumerate(sentences if isinstance(sentences, list) and sentences else [None]):
                sent_id = sentence.get("sent_id", f"#{place}") if isinstance(sentence, dict) else f"#{place}"
                name = f"{str(reference.get('ref_id'))[:50]}/{str(sent_id)[:50]}"
                if name in names:  # keys are unique; the second of a name is told apart by its place in the file
                    name = f"{name}#{position}.{place}"
                names.add(name)
                example = (key(self.kind, split, name), (reference, sentence))
                by_image.setdefault(str(reference.get("image_id"))[:50], []).append(example)
        for image, examples in by_image.items():
            wanted = dict.fromkeys(one for _, (reference, _) in examples for one in _ids(reference))  # keeps the order
            yield images.get(image), {one: objects[one] for one in wanted if one in objects}, examples

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per sentence."""
        image, objects, examples = entry

        def make(name: str, example: Any) -> Row:
            reference, sentence = example
            said = expression(text(sentence, "sent"))
            if image is None:
                raise ExampleError(f"no image {str(reference.get('image_id'))[:50]} in instances.json")
            declared = [number(field(image, side, int), side) for side in ("height", "width")]
            source, size = picture(root, f"{self.images}/{text(image, 'file_name')}")
            if list(size) != declared:
                raise ExampleError(f"objects for {declared} pixels (height, width), but the picture has {list(size)}")
            return Row(Example(name, Skill.GROUNDING, phrase=said), (source,), mask=_mask(reference, objects, size))

        yield from rows_of(examples, make)

    def _instances(self, root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Images and objects by id."""
        path = f"{self.folder}/instances.json"
        found = load(root, path)
        lists = [found.get(name) if isinstance(found, dict) else None for name in ("images", "annotations")]
        if not all(isinstance(one, list) for one in lists):
            raise LayoutError(f"{root / path}: no lists of images and annotations")
        images, objects = ({str(one.get("id"))[:50]: one for one in many if isinstance(one, dict)} for many in lists)  # type: ignore[union-attr]
        return images, objects


def _ids(reference: dict[str, Any]) -> list[str]:
    """Of the objects that are meant; one alone need not be in a list."""
    found = reference.get("ann_id")
    return [str(one)[:50] for one in (found if isinstance(found, list) else [found])]


def _mask(reference: dict[str, Any], objects: dict[str, Any], size: tuple[int, int]) -> tuple[Rle, ...]:
    """What all objects that are meant cover together; crowds are left out, as in the authors' code."""
    wanted = _ids(reference)
    if wanted in ([], ["-1"]):
        raise ExampleError("it names nothing in the picture, so there is no mask to paint")
    masks = []
    for one in wanted:
        if one not in objects:
            raise ExampleError(f"no object {one} in instances.json")
        if objects[one].get("image_id") != reference.get("image_id"):
            raise ExampleError(f"object {one} lies in another picture")
        if objects[one].get("iscrowd"):
            continue
        shape = objects[one].get("segmentation")
        found = run_lengths(shape, size) if isinstance(shape, dict) else polygons(typed(shape, list, "a mask"), size)
        masks.append(found)
    return seen([rle.union(masks)] if masks else [Rle(*size)])
