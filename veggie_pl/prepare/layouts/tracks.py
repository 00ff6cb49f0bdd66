"""Clips as folders of frames whose masks lie in one JSON file, by object, as in MeViS and ReVOS."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, field, key, line, load, number, rows_of, typed
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.prepare.layouts.frames import clip, frame_names, videos
from veggie_pl.prepare.layouts.masks import Size, run_lengths, seen
from veggie_pl.video.media import Media

MasksOf = Callable[[Any], tuple[Rle, ...]]  # numbers of objects -> what any of them covers, per frame
MakeRow = Callable[[str, Any, tuple[Media, ...], MasksOf], Row]  # key, expression, frames, masks


def entries_of(root: Path, folder: str, expressions: str, masks: str) -> Iterator[Any]:
    """(folder of all frames, video, its description, masks of its objects) for each video.

    Each carries the masks it needs, so that only one process reads the large file.

    Raises:
        LayoutError: If a file cannot be read.
    """
    by_object = load(root, masks)
    if not isinstance(by_object, dict):
        raise LayoutError(f"{root / masks}: a {type(by_object).__name__}, not masks by object")
    for video, description in videos(root, expressions):
        said = description.get("expressions") if isinstance(description, dict) else None
        lists = [one.get("anno_id") for one in said.values() if isinstance(one, dict)] if isinstance(said, dict) else []
        wanted = [str(one) for objects in lists if isinstance(objects, list) for one in objects]
        yield folder, video, description, {one: by_object[one] for one in wanted if one in by_object}


def rows_of_video(kind: str, root: Path, split: str, entry: Any, make_row: MakeRow) -> Iterator[Row | Skipped]:
    """One row per expression of a video.

    Args:
        kind: Of the layout.
        root: The data set's folder.
        split: train, val or test.
        entry: As ``entries_of`` gives it.
        make_row: Makes a row of an expression, or raises ``ExampleError``.
    """
    folder, video, description, tracks = entry
    try:
        said = field(description, "expressions", dict)
        names = frame_names(description)
        source, size = clip(root, f"{folder}/{video}", names)
    except FAULTS as error:
        yield Skipped(key(kind, split, video), line(error))
        return

    @cache
    def track(one: str) -> list[Rle | None]:
        if one not in tracks:
            raise ExampleError(f"no masks of object {one}")
        masks = typed(tracks[one], list, f"masks of object {one}")
        if len(masks) != len(names):
            raise ExampleError(f"masks of {len(masks)} frames for a video of {len(names)}")
        return [None if mask is None else run_lengths(mask, size) for mask in masks]

    yield from rows_of(
        [(key(kind, split, video, name), example) for name, example in said.items()],
        lambda name, example: make_row(name, example, source, partial(joined, track=track, size=size)),
    )


def joined(objects: Any, track: Callable[[str], list[Rle | None]], size: Size) -> tuple[Rle, ...]:
    """What any of the objects covers, frame by frame.

    Args:
        objects: Their numbers.
        track: Masks of an object per frame; None where it is not in view.
        size: Of the frames.

    Raises:
        ExampleError: If there is no object, one has no or too few masks, or none is ever in view.
        MaskError: If a mask is broken.
    """
    wanted = [str(number(one, "anno_id")) for one in typed(objects, list, "anno_id")]
    if not wanted:
        raise ExampleError("it names nothing in the video, so there is no mask to paint")
    together = []
    for masks in zip(*[track(one) for one in wanted], strict=True):
        found = [mask for mask in masks if mask is not None]
        together.append(rle.union(found) if found else Rle(*size))
    return seen(together)
