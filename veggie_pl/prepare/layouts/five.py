"""FiVE-Bench: pairs of prompts about clips in frames, with a mask of what is edited and questions about the result."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import ExampleError, key, line, load, rows_of, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only, pictures
from veggie_pl.prepare.layouts.mask_pictures import mask_of
from veggie_pl.prepare.layouts.masks import seen
from veggie_pl.video.media import MediaError

SKILLS = {  # of the file that an edit is listed in, in the order of the authors' README
    1: Skill.CHANGING,  # object replacement, rigid
    2: Skill.CHANGING,  # object replacement, non-rigid
    3: Skill.VISUAL_FEATURE,  # colour alteration
    4: Skill.VISUAL_FEATURE,  # material modification
    5: Skill.ADDITION,
    6: Skill.REMOVAL,
}


class Five(Layout):
    """``edit_prompt/edit{1..6}_FiVE.json``, ``images/<video>/<frame>.jpg`` and ``bmasks/<video>/<frame>.jpg``.

    Args:
        prompts: The six lists, with ``{number}`` for 1 to 6.
        wording: What is asked of an editor by instructions, since the data set has prompts of source and target alone:
            with {source} and {target} for those prompts. A field ``instruction`` of an edit wins.
    """

    kind: ClassVar[str] = "five"
    prompts: str = "edit_prompt/edit{number}_FiVE.json"
    wording: str = Field(default="Edit the video so that it shows this: {target}", pattern=r"\{target\}")

    @property
    def needs_targets(self) -> bool:
        """There are none."""
        return False

    def entries(self, root: Path, split: str) -> Iterator[tuple[int, int, Any]]:
        """(number of the list, place in it, edit): one per edit."""
        only(self.kind, split, "test")
        for number in SKILLS:
            name = self.prompts.format(number=number)
            found = load(root, name)
            if not isinstance(found, list):
                raise LayoutError(f"{root / name}: a {type(found).__name__}, not a list of edits")
            yield from ((number, place, edit) for place, edit in enumerate(found))

    def rows(self, root: Path, split: str, entry: tuple[int, int, Any]) -> Iterator[Row | Skipped]:
        """One per edit."""
        number, place, found = entry
        name = key(split, f"edit{number}", place)
        yield from rows_of([(name, found)], lambda name, one: self._row(root, name, one, SKILLS[number]))

    def _row(self, root: Path, name: str, found: Any, skill: Skill) -> Row:
        video = text(found, "video_name")
        source, target = (_bare(text(found, f"{which}_prompt")) for which in ("source", "target"))
        asked = found.get("instruction") or self.wording.format(source=source, target=target)
        frames = pictures(root, f"images/{video}")
        masks = {Path(media.path).stem: media for media in pictures(root, f"bmasks/{video}")}
        if missing := [one.path for one in frames if Path(one.path).stem not in masks]:
            raise ExampleError(f"{len(missing)} of {len(frames)} frames have no mask, such as {missing[0]}")
        question = found.get("target_yes_no_question")
        example = Example(
            name,
            skill,
            str(asked),
            caption=target,
            source_caption=source,
            checklist=(question.strip(),) if isinstance(question, str) and question.strip() else (),
        )
        try:
            covered = seen([mask_of(masks[Path(one.path).stem], root) for one in frames])
        except MediaError as error:
            raise ExampleError(line(error)) from error
        return Row(example, frames, mask=covered)


def _bare(prompt: str) -> str:
    """A prompt without the brackets around the words that differ."""
    return prompt.replace("[", "").replace("]", "")
