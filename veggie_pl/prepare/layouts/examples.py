"""What the generic layouts share: one example, as cells of text, paths and bytes, becomes a row."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, StrictBool

from veggie_pl.batch import Example, Skill
from veggie_pl.data.instructions.pointing import named_fill
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.masks.rle import MaskError, Rle, check, from_polygons, from_runs
from veggie_pl.prepare.layouts.annotations import line
from veggie_pl.prepare.layouts.mask_pictures import Alpha, mask_of
from veggie_pl.video.formats import HEAD, IMAGES, VIDEOS, is_clip, picture_kind, video_kind
from veggie_pl.video.header import read_header
from veggie_pl.video.media import Media, MediaError, inside
from veggie_pl.video.readers.base import MAX_FRAME_PIXELS, MAX_SIDE

FieldName = Literal[
    "key",
    "source",
    "target",
    "mask",
    "instruction",
    "phrase",
    "skill",
    "fill",
    "caption",
    "source_caption",
    "checklist",
]
FIELDS: tuple[FieldName, ...] = get_args(FieldName)
TEXTS: tuple[FieldName, ...] = ("instruction", "phrase", "fill", "caption", "source_caption")
Columns = dict[FieldName, str]  # what a field is called in a data set


class CellRules(BaseModel):
    """How cells are understood; the settings that all generic layouts have.

    Args:
        media: Folder below the root to which paths are relative.
        skills: From a cell of the skill column to the skill that it means, where they are not our own names.
        skill: Editing: of examples that tell none; null goes by the words of the instruction.
        mask_value: Value of the object in masks that are indexed (palette) or gray pictures; null is all but the
            ground: index 0, or gray up to 127.
        mask_alpha: In masks with transparent parts, what is the object: "opaque", "transparent", or "ignore" to go by
            colours alone; null takes what is opaque where that is plain, and refuses the others.
        targets: Whether an edit needs a target; false in benches of requests that have no exact answers. An example
            with neither a target nor a mask is then a request to edit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    media: str = ""
    skills: dict[str, Skill] = {}
    skill: Skill | None = None
    mask_value: int | None = None
    mask_alpha: Alpha | None = None
    targets: StrictBool = True

    def row(self, key: str, cells: Mapping[str, Any], root: Path) -> Row | Skipped:
        """The row of one example.

        Args:
            key: Names it.
            cells: By ``FIELDS``; what is missing, None or empty is not there. Media are a path to a file or to a
                folder of frames, Hugging Face's {"bytes", "path"}, ``Media``, or a list of such.
            root: The data set's folder.
        """
        cells = {name: value for name, value in cells.items() if value is not None and value != "" and value != []}
        key = str(cells.get("key", key)).encode("utf-8", "backslashreplace").decode()
        try:
            return self._row(key, cells, root)
        except (_Unusable, MediaError, MaskError) as error:
            return Skipped(key, line(error))

    def _row(self, key: str, cells: Mapping[str, Any], root: Path) -> Row:
        if "source" not in cells:
            raise _Unusable("there is no source")
        for name in TEXTS:
            if not isinstance(cells.get(name, ""), str):
                raise _Unusable(f"its {name} is a {type(cells[name]).__name__}, not a text")
            if not storable(cells.get(name, "")):
                raise _Unusable(f"its {name} holds half a character, which no table can store")
        source = media_of(cells["source"], root, self.media)
        target = media_of(cells["target"], root, self.media) if "target" in cells else ()
        instruction, phrase = cells.get("instruction"), cells.get("phrase", "")
        mask = (
            masks_of(cells["mask"], source, root, self.media, self.mask_value, self.mask_alpha)
            if "mask" in cells
            else ()
        )
        if self.targets and not target and not mask:
            raise _Unusable("there is neither a target nor a mask")
        is_edit = bool(target) or not (self.targets or mask)
        skill = self._skill(cells.get("skill"), instruction, is_edit)
        fill = cells.get("fill", "")
        if skill.is_painted and instruction is not None and not fill:
            fill = named_fill(instruction) or ""
            if not fill:
                raise _Unusable(
                    "its instruction names no fill colour, or several; what only names the object is a phrase"
                )
        said = {name: cells.get(name, "").strip() for name in ("caption", "source_caption")}
        example = Example(key, skill, instruction, phrase.strip(), fill, checklist=questions(cells.get("checklist")))
        return Row(example._replace(**said), source, target, mask)

    def _skill(self, cell: Any, instruction: str | None, edited: bool) -> Skill:
        if cell is not None:
            if str(cell) in self.skills:
                return self.skills[str(cell)]
            if str(cell) in list(Skill):
                return Skill(str(cell))
            raise _Unusable(f"unknown skill {str(cell)!r}; the card's skills name {sorted(self.skills)}")
        if not edited:
            return Skill.GROUNDING
        return self.skill or editing_skill_of(instruction or "")


class _Unusable(UseError):
    """An example that lacks something."""


def questions(cell: Any) -> tuple[str, ...]:
    """The questions of a checklist: a list, the same as JSON in a text, or a text with one question a line.

    Raises:
        UseError: If a question is no text, or none that tables can store.
    """
    if cell is None:
        return ()
    if isinstance(cell, str):
        try:
            cell = json.loads(cell) if cell.lstrip().startswith("[") else cell.splitlines()
        except (ValueError, RecursionError):
            cell = cell.splitlines()
    found = list(cell) if isinstance(cell, list | tuple | np.ndarray) else [cell]
    if wrong := [one for one in found if not isinstance(one, str) or not storable(one)]:
        raise _Unusable(f"its checklist holds a {type(wrong[0]).__name__} that is no question: {ascii(wrong[0])[:60]}")
    return tuple(one.strip() for one in found if one.strip())


def storable(text: str) -> bool:
    """Whether tables and file systems can hold the text: JSON allows half a character, a lone surrogate."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def media_of(cell: Any, root: Path, folder: str = "") -> tuple[Media, ...]:
    """The media that a cell names.

    Raises:
        MediaError: If there is no such file or folder of images, or it is out of the root.
    """
    if isinstance(cell, Media):
        return (cell,)
    if isinstance(cell, list | tuple | np.ndarray):
        return tuple(media for one in cell for media in media_of(one, root, folder))
    if isinstance(cell, Mapping) and isinstance(cell.get("bytes"), bytes):
        data: bytes = cell["bytes"]
        name = PurePosixPath(str(cell.get("path") or "embedded"))
        known = name.suffix.lower() in IMAGES | VIDEOS
        return (Media(name.name if known else f"{name.name}{_kind(data[:HEAD])}", data=data),)
    if isinstance(cell, Mapping) and isinstance(cell.get("path"), str):
        cell = cell["path"]
    if not isinstance(cell, str) or "\0" in cell or not storable(cell):
        raise MediaError(f"a {type(cell).__name__} names no file: {str(cell)!r:.60}")
    inside(root, cell)  # an absolute path would replace the folder when they are joined
    path = f"{folder}/{cell}" if folder else cell
    try:
        place = inside(root, path)
        is_folder, is_file = place.is_dir(), place.is_file()
    except OSError as error:  # a name that is too long
        raise MediaError(f"{path:.80}: {error.strerror or error}") from error
    if not is_folder:
        if not is_file:
            raise MediaError(f"{path}: no such file")
        if place.suffix.lower() not in IMAGES | VIDEOS and not is_clip(place):
            raise MediaError(f"{path}: {place.suffix or 'a name without suffix'} is no known kind of video or image")
        return (Media(path),)
    frames = [one.name for one in in_order(place) if one.suffix.lower() in IMAGES]
    if not frames:
        raise MediaError(f"{path}: a folder without images")
    return tuple(Media(f"{path.rstrip('/')}/{name}") for name in frames)


def masks_of(
    cell: Any,
    source: Sequence[Media],
    root: Path,
    folder: str = "",
    value: int | None = None,
    alpha: Alpha | None = None,
) -> tuple[Rle, ...]:
    """The masks that a cell holds or names: pictures, COCO run lengths or polygons, one or one per frame.

    Raises:
        MaskError: If it is no mask.
        MediaError: If a picture cannot be read.
    """
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise MaskError(f"a mask that is no JSON ({error})") from error
    if isinstance(cell, Mapping) and "counts" in cell:
        return (_from_json(cell),)
    if isinstance(cell, list) and cell and all(isinstance(one, Mapping) and "counts" in one for one in cell):
        return tuple(map(_from_json, cell))
    if isinstance(cell, list) and cell and all(isinstance(one, list) for one in cell):
        if not all(isinstance(number, int | float) for polygon in cell for number in polygon):
            raise MaskError("a polygon of something else than numbers")
        header = read_header(source[:1], root)
        polygons = [[float(number) for number in polygon] for polygon in cell]
        return (from_polygons(polygons, header.height, header.width),)
    return tuple(mask_of(media, root, value, alpha) for media in media_of(cell, root, folder))


def _from_json(found: Mapping[str, Any]) -> Rle:
    """COCO's {"size": [height, width], "counts": text or list} -> run lengths."""
    size, counts = found.get("size"), found["counts"]
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise MaskError(f"run lengths of size {size!r:.40}: [height, width] is needed")
    height, width = size
    if min(size) < 1 or max(size) > MAX_SIDE or height * width > MAX_FRAME_PIXELS:
        raise MaskError(f"a mask of {height} x {width} pixels")
    if isinstance(counts, list) and all(isinstance(run, int) for run in counts):
        return from_runs(counts, height, width)
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", "replace")
    if not isinstance(counts, str):
        raise MaskError(f"run lengths of type {type(counts).__name__}")
    rle = Rle(height, width, counts)
    check(rle)
    return rle


def _kind(head: bytes) -> str:
    """Give the suffix of embedded bytes without a name; what is not known is left to the reader of videos."""
    return picture_kind(head) or video_kind(head) or ".mp4"
