"""Edits that lie on disk, made by any program: a method like any other."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import torch

from veggie_pl.batch import Batch, Clip, Clips, Skill
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.video.clip import ClipFile, clips_in, to_clip
from veggie_pl.video.formats import IMAGES, VIDEOS
from veggie_pl.video.media import Media

Naming = Literal["key", "index"]


class EditFolder:
    """Finds the edit of an example: a video, a picture, or a folder of pictures, one a frame.

    Args:
        folder: Where they lie.
        naming: What they are called, before the suffix. "key": as the example's key, whose slashes are folders.
            "index": SKILL/NUMBER, such as addition/007.mp4, where the number is that of the example in its skill's
            stream, from 0 on; 7, 07 and 007 are one number. No order of names counts: a missing file shifts nothing.

    Raises:
        UseError: If there is no such folder.
    """

    def __init__(self, folder: str | Path, naming: Naming = "key") -> None:
        if not Path(folder).is_dir():
            raise UseError(f"no folder of edits at {folder}")
        self.folder, self.naming = Path(folder), naming
        self._listed: dict[Path, dict[str, list[Path]]] = {}  # folder -> name without suffix -> what has it

    def name(self, skill: Skill, index: int, key: str) -> str:
        """Tell what an edit is called, without its suffix."""
        return key if self.naming == "key" else f"{skill}/{index}"

    def find(self, skill: Skill, index: int, key: str) -> Path | None:
        """Find an edit; None where there is none.

        Raises:
            UseError: If there are two of one name.
        """
        name = Path(self.name(skill, index, key))
        found = self._list(self.folder / name.parent).get(name.name, [])
        if len(found) > 1:
            raise UseError(f"{found[0]} and {found[1].name} are both named as the edit of {key}; remove one")
        return found[0] if found else None

    def others(self, found: Iterable[Path]) -> list[Path]:
        """List the edits that lie there and were not asked for, beside those that were; other folders are not read."""
        taken = set(found)
        there = {path for names in self._listed.values() for paths in names.values() for path in paths}
        return sorted(path for path in there - taken if not any(path in one.parents for one in taken | there))

    def _list(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._listed:
            found = self._listed[folder] = {}
            for path in in_order(folder) if folder.is_dir() else ():
                if path.is_dir() or path.suffix.lower() in IMAGES | VIDEOS:
                    stem = path.name if path.is_dir() else path.stem
                    number = self.naming == "index" and stem.isdecimal()
                    found.setdefault(str(int(stem)) if number else stem, []).append(path)
        return self._listed[folder]


class EditedFiles:
    """Edits read from a folder, so that outputs of any model are scored as our own are; implements ``Method``.

    An edit has the frames and the size of its source as the benchmark gives it. Nothing is resized or left out, which
    would change the scores: what is missing or of another size is an error. ``score`` is the command that counts such
    outputs by a rule instead.

    Args:
        folder: Where they lie.
        naming: What they are called; see ``EditFolder``.
        name: What reports call the method; None is the folder.

    Raises:
        UseError: If there is no such folder.
    """

    def __init__(self, folder: str, naming: Naming = "key", name: str | None = None) -> None:
        self.edits, self.name = EditFolder(folder, naming), name or folder

    def edit_batch(self, batch: Batch) -> Clips:
        """Read the edits of a batch; a sample that cannot be read keeps its filling.

        Raises:
            UseError: If edits are missing, cannot be read, or are not of their sources' frames and size.
        """
        asked = {row: (batch.skill[row], int(batch.index[row]), batch.key[row]) for row in batch.good}
        found = {row: self.edits.find(*facts) for row, facts in asked.items()}
        if missing := [row for row, path in found.items() if path is None]:
            wanted = self.edits.name(*asked[missing[0]])
            raise UseError(
                f"{self.edits.folder}: {len(missing)} of {len(found)} edits are missing, the first: {wanted}"
            )
        clips = list(batch.source)
        for row, path in found.items():
            assert path is not None
            clips[row] = _read(path, batch.source[row]).to(batch.source.device)
        return torch.stack(clips)


def edit_file(path: Path) -> ClipFile:
    """Open an edit: a file, or a folder of pictures, one a frame, in natural order: 2 before 10.

    Raises:
        UseError: If it cannot be read.
    """
    if not path.is_dir():
        return ClipFile(path)
    if not (names := [one.name for one in clips_in(path)]):
        raise UseError(f"{path}: holds no pictures")
    return ClipFile([Media(name) for name in names], path)


def _read(path: Path, source: Clip) -> Clip:
    """Read an edit.

    Raises:
        UseError: If it is not of its source's frames and size, or cannot be read.
    """
    file = edit_file(path)
    frames, _, height, width = source.shape
    own = file.info
    if (own.num_frames, own.height, own.width) != (frames, height, width):
        raise UseError(
            f"{path}: has {own.num_frames} frames of {own.width} x {own.height} pixels, its source has {frames} of "
            f"{width} x {height}; edits are scored as they are"
        )
    return to_clip(file.frames())
