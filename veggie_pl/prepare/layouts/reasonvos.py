"""ReasonVOS: questions about clips in frames, with a folder of masks for each object that answers one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks import rle
from veggie_pl.prepare.layouts.annotations import (
    FAULTS,
    ExampleError,
    field,
    key,
    line,
    named,
    question,
    rows_of,
    text,
)
from veggie_pl.prepare.layouts.base import Layout
from veggie_pl.prepare.layouts.edited import only, pictures
from veggie_pl.prepare.layouts.frames import videos
from veggie_pl.prepare.layouts.masks import indices, picture, seen


class ReasonVos(Layout):
    """``meta_expressions.json``, ``JPEGImages/<video>/*.jpg`` and ``Annotations/<source>_<video>_<object>/*.png``.

    A clip is made of the frames that have a mask, which are all that the authors' evaluation looks at.
    """

    kind: ClassVar[str] = "reasonvos"

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, Any]]:
        """(video, its description): one per video."""
        only(self.kind, split, "test")
        yield from videos(root, "meta_expressions.json")

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One per question."""
        video, found = entry
        try:
            asked = field(found, "expressions", dict)
            origin = named(field(found, "source", str))
            frames = {Path(one.path).stem: one for one in pictures(root, f"JPEGImages/{video}")}
            _, size = picture(root, next(iter(frames.values())).path)
        except FAULTS as error:
            yield Skipped(key(split, video), line(error))
            return

        def make(name: str, example: Any) -> Row:
            phrase = question(text(example, "exp_text"))
            masks = pictures(root, f"Annotations/{origin}_{video}_{example.get('obj_id')}")
            if lost := [one.path for one in masks if Path(one.path).stem not in frames]:
                raise ExampleError(f"{len(lost)} of {len(masks)} masks have no frame, such as {lost[0]}")
            shown = tuple(frames[Path(one.path).stem] for one in masks)
            covered = seen([rle.encode(indices(root, one.path, size) != 0) for one in masks])
            return Row(Example(name, Skill.REASONING, phrase=phrase), shown, mask=covered)

        yield from rows_of([(key(split, video, name), one) for name, one in asked.items()], make)
