"""Clips as folders of frames, with a file of expressions and masks as indexed pictures, after Ref-YouTube-VOS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from veggie_pl.file_names import natural_key
from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import ExampleError, field, listed, load, named
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.prepare.layouts.masks import Size, indices, picture, seen
from veggie_pl.video.media import Media


def videos(root: Path, path: str) -> Iterator[tuple[str, Any]]:
    """Name and description of each video in a file of expressions, in its order.

    Raises:
        LayoutError: If the file cannot be read or holds no videos.
    """
    found = load(root, path)
    if not isinstance(found, dict) or not isinstance(found.get("videos"), dict):
        raise LayoutError(f"{root / path}: no object of videos, by name, under 'videos'")
    yield from found["videos"].items()


def frame_names(video: Any) -> list[str]:
    """Names of a video's frames without their suffix, in time."""
    names = sorted((named(name) for name in field(video, "frames", list)), key=natural_key)
    if len(set(names)) < len(names):
        raise ExampleError("frames that are named twice")
    return names


def clip(root: Path, folder: str, names: list[str]) -> tuple[tuple[Media, ...], Size]:
    """The frames ``<folder>/<name>.jpg`` and the (height, width) of the first.

    Raises:
        ExampleError: If there are none, one is missing or the first cannot be read.
    """
    if not names:
        raise ExampleError("no frames")
    present = listed(root, folder)
    if missing := [name for name in names if f"{name}.jpg" not in present]:
        raise ExampleError(f"{len(missing)} of {len(names)} frames are missing, such as {folder}/{missing[0]}.jpg")
    _, size = picture(root, f"{folder}/{names[0]}.jpg")
    return tuple(Media(f"{folder}/{name}.jpg") for name in names), size


class Palettes:
    """The indexed pictures ``<folder>/<name>.png`` of a video, each read once for all its expressions.

    Args:
        root: The data set's folder.
        folder: Of the video's masks.
        size: Of its frames.
    """

    def __init__(self, root: Path, folder: str, size: Size) -> None:
        self.root, self.folder, self.size = root, folder, size
        self._masks: dict[str, dict[int, Rle] | ExampleError] = {}

    def track(self, objects: list[int], names: list[str | None]) -> tuple[Rle, ...]:
        """What any of the objects covers, frame by frame; a frame without a name has nothing.

        Raises:
            ExampleError: If a file is missing or broken, or no object is ever in view.
        """
        empty = Rle(*self.size)
        frames = []
        for name in names:
            masks = self._objects(name) if name is not None else {}
            found = [masks[one] for one in objects if one in masks]
            frames.append(rle.union(found) if found else empty)
        return seen(frames)

    def _objects(self, name: str) -> dict[int, Rle]:
        if name not in self._masks:
            try:
                pixels = indices(self.root, f"{self.folder}/{name}.png", self.size)
                self._masks[name] = {one: rle.from_indices(pixels, [one]) for one in np.unique(pixels).tolist() if one}
            except ExampleError as error:
                self._masks[name] = error
        found = self._masks[name]
        if isinstance(found, ExampleError):
            raise found
        return found
