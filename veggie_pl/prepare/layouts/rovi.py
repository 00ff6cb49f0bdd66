"""ROVI: clips of YouTube-VOS and A2D-Sentences with one object inpainted away. Card: data_cards/rovi.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import (
    FAULTS,
    ExampleError,
    expression,
    field,
    key,
    listed,
    load,
    named,
    number,
    rows_of,
    text,
)
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import only, pictures
from veggie_pl.prepare.layouts.frames import Palettes
from veggie_pl.prepare.layouts.masks import picture
from veggie_pl.video.media import Media

CLIPS, MASKS, INPAINTED = "JPEGImages", "Annotations", "InpaintImages"


class Rovi(Layout):
    """``JPEGImages/<video>``, ``Annotations/<video>`` (indexed PNG) and ``InpaintImages/<video>/<object>``.

    ``train.json`` has one value per video, with its expressions. How the fields inside are called could not be looked
    up; the defaults are those of Refer-YouTube-VOS, which the set is built on, and settings can change them.

    Args:
        videos: Field of the file that holds the videos, if they are not at its top.
        expressions: Field of a video with its expressions, a list or an object by number.
        words: Field of an expression with the words that name the object.
        number: Field of an expression with the object's number.
        masks: Read the object's mask, where each frame has one.
    """

    kind: ClassVar[str] = "rovi"
    videos: str = "videos"
    expressions: str = "expressions"
    words: str = "exp"
    number: str = "obj_id"
    masks: bool = True

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, Any]]:
        """Name and fields of each video."""
        only(self.kind, split, "train", "test")
        found = load(root, f"{split}.json")
        if isinstance(found, dict) and isinstance(found.get(self.videos), dict):
            found = found[self.videos]
        if not isinstance(found, dict):
            raise LayoutError(f"{root / split}.json: a {type(found).__name__}, not videos by name")
        yield from found.items()

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One removal per expression."""
        name, video = entry
        try:
            said = self._expressions(video)
            clip = Inpainted(root, name, self.masks)
        except FAULTS as error:
            yield Skipped(key(self.kind, split, name), str(error))
            return

        def make(one: str, example: Any) -> Row:
            target, mask = clip.without(field(example, self.number, object))
            return Row(Example(one, Skill.REMOVAL, phrase=bare(text(example, self.words))), clip.whole, target, mask)

        yield from rows_of([(key(self.kind, split, name, place), example) for place, example in said], make)

    def _expressions(self, video: Any) -> list[tuple[Any, Any]]:
        found = field(video, self.expressions, object)
        if not isinstance(found, dict | list) or not found:
            raise ExampleError(
                f"{self.expressions} are {ascii(found)[:40]}; the video has {ascii(sorted(video))[:200]}"
            )
        return list(found.items()) if isinstance(found, dict) else list(enumerate(found))


class Inpainted:
    """A clip, and what is left of it without one of its objects.

    Args:
        root: The data set's folder.
        video: Name of the clip.
        masks: Whether masks are wanted.

    Raises:
        ExampleError: If it has no frames.
    """

    def __init__(self, root: Path, video: str, masks: bool) -> None:
        self.root, self.video, self.masks = root, named(video), masks
        self.whole = pictures(root, f"{CLIPS}/{video}")
        _, size = picture(root, self.whole[0].path)
        self._names = [Path(media.path).stem for media in self.whole]
        self._palettes = Palettes(root, f"{MASKS}/{video}", size)

    def without(self, thing: Any) -> tuple[tuple[Media, ...], tuple[Rle, ...]]:
        """The clip without the object of this number, and the object's masks; none where a frame has no annotation.

        Raises:
            ExampleError: If it was not inpainted, frames are missing or a mask is broken.
        """
        one = number(thing, "the object's number")
        target = pictures(self.root, f"{INPAINTED}/{self.video}/{one}")
        if len(target) != len(self.whole):
            raise ExampleError(f"{len(target)} frames in {INPAINTED}, but {len(self.whole)} in {CLIPS}")
        return target, self._palettes.track([one], list(self._names)) if self.masks and self._annotated() else ()

    def _annotated(self) -> bool:
        try:
            names = listed(self.root, self._palettes.folder)
        except ExampleError:
            return False
        return all(f"{name}.png" in names for name in self._names)


def bare(said: str) -> str:
    """What is to go, as wordings take it, of an expression that may itself ask to remove it."""
    for start in ("please ", "remove ", "delete ", "erase "):
        if said.lower().startswith(start):
            said = said[len(start) :]
    return expression(said)
