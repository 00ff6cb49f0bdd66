"""Mattes to disk: which pixels are whose, as pictures, as an alpha channel or as run lengths; whole or not at all."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from veggie_pl.files import whole_folder, write_text
from veggie_pl.masks.colors import COLORS
from veggie_pl.outputs import check_folder, check_place
from veggie_pl.video.alpha import ALPHA
from veggie_pl.video.clip import ClipError
from veggie_pl.video.formats import IMAGES
from veggie_pl.video.timing import Timing
from veggie_pl.video.writer import ClipWriter

_CHOICES = (
    ".mp4, .mov (alpha in ProRes 4444), .webm (alpha in VP9), .json (COCO run lengths with confidences), an image for "
    f"one frame ({', '.join(sorted(IMAGES))}), a name without ending (a folder of PNGs)"
)


@dataclass(frozen=True)
class Matte:
    """One frame of each object.

    Args:
        masks: Where each is; no two share a pixel.
        confidence: How sure that is, in [0, 1]; see ``masks.unpaint.confidence``.
        frame: The source's colours, RGB.
    """

    masks: Bool[np.ndarray, "k h w"]
    confidence: Float[np.ndarray, " k"]
    frame: UInt8[np.ndarray, "h w 3"]


@runtime_checkable
class MatteWriter(Protocol):
    """Takes frames one after another."""

    def write(self, matte: Matte) -> None:
        """Append a frame, of the size of the first.

        Raises:
            ClipError: If it cannot be written.
        """


def check_matte(path: Path) -> None:
    """Look whether a matte can be written, before any work is done for it.

    Raises:
        OutputError: If its folder is not there or cannot be written to.
        ClipError: If the ending is none of the choices, or a folder is there that holds other things than frames.
    """
    suffix = path.suffix.lower()
    if not suffix:
        check_folder(path)
        if path.is_dir() and (others := sorted(one.name for one in path.iterdir() if not _is_frame(one))):
            raise ClipError(f"{path}: holds {others[0]}, and the folder of a mask is replaced whole; name another")
        return
    if suffix not in IMAGES | ALPHA | {".mp4", ".json"}:
        raise ClipError(f"{path}: cannot write {suffix} as a mask; the choices are {_CHOICES}")
    check_place(path)


@contextmanager
def matte_writer(path: Path, fills: Sequence[str], timing: Timing) -> Iterator[MatteWriter]:
    """Write a matte in the format of the path's ending; it appears under its name when it is whole.

    A video, picture or folder of pictures is white on black; of several objects, each in its fill on black. Alpha is 1
    where any object is, beside the source's own colours. Run lengths are COCO's, one annotation an object, laid out as
    YouTube-VIS does, with a list of ``confidences``.

    Args:
        path: See ``check_matte``.
        fills: Of the objects.
        timing: When each frame appears.
    """
    suffix = path.suffix.lower()
    if not suffix:
        with whole_folder(path) as folder:
            yield _Pictures(folder, fills)
    elif suffix == ".json":
        lengths = _RunLengths(path, fills, timing)
        yield lengths
        lengths.finish()
    else:
        with ClipWriter(path, timing, alpha=suffix in ALPHA) as writer:
            yield _Video(writer, fills)


@dataclass
class _Video:
    writer: ClipWriter
    fills: Sequence[str]

    def write(self, matte: Matte) -> None:
        if self.writer.alpha:
            alpha = np.where(matte.masks.any(0), np.uint8(255), np.uint8(0))
            self.writer.write(np.concatenate([matte.frame, alpha[..., None]], -1)[None])
        else:
            self.writer.write(drawn(matte.masks, self.fills)[None])


@dataclass
class _Pictures:
    folder: Path
    fills: Sequence[str]
    count: int = 0

    def write(self, matte: Matte) -> None:
        picture = drawn(matte.masks, self.fills)
        done, data = cv2.imencode(".png", picture[..., 0] if len(self.fills) == 1 else picture[..., ::-1])
        assert done  # a picture of bytes in memory
        try:
            (self.folder / f"{self.count:06d}.png").write_bytes(data.tobytes())
        except OSError as error:
            raise ClipError(f"{self.folder}: cannot be written ({error.strerror or error})") from error
        self.count += 1


class _RunLengths:
    def __init__(self, path: Path, fills: Sequence[str], timing: Timing) -> None:
        self.path, self.fills, self.timing = path, fills, timing
        self.segmentations: list[list[dict[str, object]]] = [[] for _ in fills]
        self.areas: list[list[int]] = [[] for _ in fills]
        self.confidences: list[list[float]] = [[] for _ in fills]

    def write(self, matte: Matte) -> None:
        from veggie_pl.masks import rle  # pycocotools, which no other matte needs

        for number, mask in enumerate(matte.masks):
            self.segmentations[number].append(rle.to_json(rle.encode(mask)))
            self.areas[number].append(int(mask.sum()))
            self.confidences[number].append(round(float(matte.confidence[number]), 4))

    def finish(self) -> None:
        count, base = len(self.areas[0]), self.timing.base
        size = self.segmentations[0][0]["size"] if count else [0, 0]
        video = {
            "id": 1,
            "height": size[0],  # type: ignore[index]
            "width": size[1],  # type: ignore[index]
            "length": count,
            "seconds": [round(float(tick * base), 6) for tick in self.timing.ticks[:count]],
        }
        objects = zip(self.fills, self.segmentations, self.areas, self.confidences, strict=True)
        annotations = [
            {
                "id": number,
                "video_id": 1,
                "category_id": number,
                "segmentations": lengths,
                "areas": areas,
                "confidences": confidences,
            }
            for number, (_, lengths, areas, confidences) in enumerate(objects, 1)
        ]
        categories = [{"id": number, "name": fill} for number, fill in enumerate(self.fills, 1)]
        told = {"videos": [video], "categories": categories, "annotations": annotations}
        try:
            write_text(self.path, json.dumps(told))
        except OSError as error:
            raise ClipError(f"{self.path}: cannot be written ({error.strerror or error})") from error


def drawn(masks: Bool[np.ndarray, "k h w"], fills: Sequence[str]) -> UInt8[np.ndarray, "h w 3"]:
    """Draw masks on black: one in white, several in their fills."""
    picture = np.zeros((*masks.shape[1:], 3), np.uint8)
    for mask, fill in zip(masks, fills, strict=True):
        color = (1.0, 1.0, 1.0) if len(fills) == 1 else COLORS[fill]
        picture[mask] = [round((value + 1) * 127.5) for value in color]
    return picture


def _is_frame(path: Path) -> bool:
    return path.suffix == ".png" and path.stem.isdigit() and path.is_file()
