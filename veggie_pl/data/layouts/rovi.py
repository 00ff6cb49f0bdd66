"""ROVI: clips of YouTube-VOS and A2D-Sentences with one object inpainted away. Card: data_cards/rovi.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from veggie_pl.batch import Skill
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, frames, mapping, part, read_json, shown, text
from veggie_pl.data.media import Media, inside
from veggie_pl.data.rle import Rle, from_indices
from veggie_pl.data.rows import Row, Skipped

CLIPS, MASKS, INPAINTED = "JPEGImages", "Annotations", "InpaintImages"


class Rovi(Layout):
    """``JPEGImages/<video>``, ``Annotations/<video>`` (indexed PNG) and ``InpaintImages/<video>/<object>``.

    ``train.json`` has one value per video, with its expressions. How the fields inside are called could not be looked
    up; the defaults are those of Refer-YouTube-VOS, which the set is built on, and settings can change them.

    Args:
        expressions: Field of a video with its expressions, a list or an object by number.
        words: Field of an expression with the words that name the object.
        object: Field of an expression with the object's number.
        masks: Read the object's mask, where each frame has one.
        root_field: Field of the file that holds the videos, if they are not at its top.
    """

    kind: ClassVar[str] = "rovi"
    expressions: str = "expressions"
    words: str = "exp"
    object: str = "obj_id"
    masks: bool = True
    root_field: str = "videos"

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, Any]]:
        """Name and fields of each video."""
        if split == "val":
            raise LayoutError("rovi has no split val; it has train and test")
        name = f"{split}.json"
        videos = read_json(root, name)
        if isinstance(videos, dict) and isinstance(videos.get(self.root_field), dict):
            videos = videos[self.root_field]
        if not isinstance(videos, dict):
            raise LayoutError(f"{root / name}: videos by name expected, got a {type(videos).__name__}")
        yield from videos.items()

    def rows(self, root: Path, split: str, entry: tuple[str, Any]) -> Iterator[Row | Skipped]:
        """One removal per expression."""
        video, value = entry
        key = f"rovi/{split}/{part(video)}"
        try:
            found = mapping(value).get(self.expressions)
            numbered = list(found.items()) if isinstance(found, dict) else list(enumerate(found or ()))
            if not numbered:
                raise FieldError(f"has no {self.expressions}, but {shown(sorted(mapping(value)))}")
            source = frames(root, CLIPS, text({"video": video}, "video"))
        except (FieldError, TypeError) as error:
            yield Skipped(key, str(error))
            return
        kept: dict[str, tuple[tuple[Media, ...], tuple[Rle, ...]]] = {}
        for number, expression in numbered:
            one = f"{key}/{part(number)}"
            try:
                fields = mapping(expression)
                thing, phrase = object_number(fields, self.object), bare(text(fields, self.words))
                if thing not in kept:
                    kept[thing] = (
                        inpainted(root, video, thing, len(source)),
                        object_masks(root, video, thing, source) if self.masks else (),
                    )
            except FieldError as error:
                yield Skipped(one, str(error))
                continue
            target, mask = kept[thing]
            yield Row(one, Skill.REMOVAL, source, target, mask, phrase=phrase)


def bare(words: str) -> str:
    """An expression that fits behind "the": no request around it, no article, no full stop."""
    words = words.rstrip(". ")
    for start in ("please ", "remove ", "a ", "an ", "the "):
        if words.lower().startswith(start):
            words = words[len(start) :]
    if not words:
        raise FieldError("names nothing")
    return words


def object_number(record: dict[str, Any], name: str) -> str:
    """An object's number, a folder's name: written as a number or as text.

    Raises:
        FieldError: If it is neither, or not from 1 to 255.
    """
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).isascii():
        raise FieldError(f"{name} is {shown(value)}, not an object's number" if name in record else f"has no {name}")
    if not str(value).isdigit() or len(str(value)) > 3 or not 0 < int(value) < 256:
        raise FieldError(f"{name} is {shown(value)}, not an object's number from 1 to 255")
    return str(int(value))


def inpainted(root: Path, video: str, thing: str, length: int) -> tuple[Media, ...]:
    """The clip without the object.

    Raises:
        FieldError: If it is missing or of another length.
    """
    target = frames(root, INPAINTED, video, thing)
    if len(target) != length:
        raise FieldError(f"{len(target)} frames in {INPAINTED}, but {length} in {CLIPS}")
    return target


def object_masks(root: Path, video: str, thing: str, source: tuple[Media, ...]) -> tuple[Rle, ...]:
    """The object in every frame; nothing if frames without annotation leave its place unknown.

    Raises:
        FieldError: If an annotation is no indexed picture.
    """
    names = [f"{MASKS}/{video}/{Path(media.path).stem}.png" for media in source]
    if not all((root / name).is_file() for name in names):
        return ()
    masks = []
    for name in names:
        try:
            with Image.open(inside(root, name)) as picture:
                if picture.mode not in ("P", "L"):
                    raise FieldError(f"{name} is a picture of mode {picture.mode}, not an indexed one")
                indices = np.asarray(picture)
        except FieldError:
            raise
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise FieldError(f"{name} cannot be read ({shown(error)})") from error
        masks.append(from_indices(indices, [int(thing)]))
    return tuple(masks)
