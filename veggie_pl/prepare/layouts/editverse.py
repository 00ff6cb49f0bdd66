"""EditVerseBench: one JSON of requests to edit videos, with prompts of source and target."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import ExampleError, key, load, rows_of, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only, there

VIDEO = "<video1>"
_OTHERS = re.compile(r"<(?!video1>)\w+>")  # of a request that speaks of more than one video


class EditVerse(Layout):
    """``test.json`` with ``{"0": {"<text>": "<video1> Add ...", "<video1>": "videos/a.mp4", ...}}`` and the videos.

    Requests that speak of other videos or pictures than the source are skipped and counted.

    Args:
        file: The JSON.
        skills: Of the kinds of edit in field ``type``; of others the instruction's words decide.
    """

    kind: ClassVar[str] = "editverse"
    file: str = "test.json"
    skills: dict[str, Skill] = {"add object": Skill.ADDITION}  # noqa: RUF012

    @property
    def needs_targets(self) -> bool:
        """There are none."""
        return False

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, Any]]:
        """(number, request): one per request."""
        only(self.kind, split, "test")
        found = load(root, self.file)
        if not isinstance(found, dict):
            raise LayoutError(f"{root / self.file}: a {type(found).__name__}, not requests by their number")
        yield from found.items()

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One per request."""
        number, found = entry
        yield from rows_of([(key(split, number), found)], lambda name, one: self._row(root, name, one))

    def _row(self, root: Path, name: str, found: Any) -> Row:
        said = text(found, "<text>")
        if others := _OTHERS.findall(said):
            raise ExampleError(f"it speaks of {others[0]} beside its source")
        instruction = " ".join(said.removeprefix(VIDEO).replace(VIDEO, "the video").split())
        if not instruction:
            raise ExampleError("no instruction")
        kind = str(found.get("type", ""))
        example = Example(
            name,
            self.skills.get(kind) or editing_skill_of(instruction),
            instruction,
            caption=str(found.get("target_prompt") or ""),
            source_caption=str(found.get("source_prompt") or ""),
        )
        return Row(example, (there(root, "", text(found, VIDEO)),))
