"""GroundMoRe: questions about what moves in clips, answered by objects for a while."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import natural_key
from veggie_pl.prepare.layouts.annotations import (
    FAULTS,
    ExampleError,
    field,
    key,
    line,
    listed,
    number,
    question,
    rows_of,
    text,
)
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.frames import Palettes, clip
from veggie_pl.prepare.layouts.frames import videos as videos_in

FPS = 6  # frames per second at which clips were cut into pictures, as the authors' evaluation has it


class Groundmore(Layout):
    """``{trainval_v2.json, test_v2.json}`` and ``annotations/<clip>/{images/<frame>.jpg, masks/<frame>.png}``.

    Masks are indexed pictures and lie only where something happens. A question's object is the answer from
    ``action_start`` to ``action_end`` alone, as in the authors' evaluation.

    Args:
        clips: Folder of the clips.
        files: File of questions per split.
    """

    kind: ClassVar[str] = "groundmore"
    clips: str = "annotations"
    files: dict[str, str] = {"train": "trainval_v2.json", "test": "test_v2.json"}  # noqa: RUF012

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """(clip, its description): one per clip."""
        if split not in self.files:
            raise LayoutError(f"groundmore has no split {split}; the choices are {', '.join(self.files)}")
        yield from videos_in(root, self.files[split])

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per question."""
        video, found = entry
        folder = f"{self.clips}/{video}"
        try:
            asked = field(found, "questions", dict)
            opens = _opening(video)
            frames = _numbered(listed(root, f"{folder}/images"), ".jpg")
            masks = _numbered(listed(root, f"{folder}/masks"), ".png")
            source, size = clip(root, f"{folder}/images", list(frames.values()))
        except FAULTS as error:
            yield Skipped(key(self.kind, split, video), line(error))
            return
        palettes = Palettes(root, f"{folder}/masks", size)

        def make(name: str, example: Any) -> Row:
            phrase = question(text(example, "question"))
            first, end = ((seconds(field(example, f"action_{side}", str)) - opens) * FPS for side in ("start", "end"))
            shown = [masks.get(frame) if first <= frame < end else None for frame in frames]
            return Row(
                Example(name, Skill.REASONING, phrase=phrase), source, mask=palettes.track(_objects(example), shown)
            )

        yield from rows_of([(key(self.kind, split, video, name), one) for name, one in asked.items()], make)


def seconds(time: str) -> int:
    """``[hours:]minutes:seconds`` in seconds."""
    if not re.fullmatch(r"(?:\d{1,3}:){0,2}\d{1,4}", time, re.ASCII):
        raise ExampleError(f"{ascii(time)[:40]} is no time such as 4:15")
    return sum(int(part) * 60**place for place, part in enumerate(reversed(time.split(":"))))


def _opening(video: str) -> int:
    """Second of the whole video at which a clip opens, which its name ends in: "..._0415_0423" opens at 4:15."""
    times = re.search(r"(\d\d)(\d\d)_\d{4}$", video, re.ASCII)
    if not times:
        raise ExampleError("the clip's name does not end in its times, such as 0415_0423")
    return int(times[1]) * 60 + int(times[2])


def _numbered(names: set[str], suffix: str) -> dict[int, str]:
    """Names without their suffix, by the number they end in, in time."""
    found = {}
    for name in sorted(names, key=natural_key):
        if (ends := re.search(r"(\d{1,9})$", name.removesuffix(suffix), re.ASCII)) and name.endswith(suffix):
            found[int(ends[1])] = name.removesuffix(suffix)
    return dict(sorted(found.items()))


def _objects(example: Any) -> list[int]:
    """Numbers of objects: one, or several with commas between."""
    found = example.get("obj_id")
    return [number(one, "obj_id") for one in (found.split(",") if isinstance(found, str) else [found])]
