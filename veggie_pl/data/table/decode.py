"""From a row to clips and masks of one shape: the same frames of all that belongs together, or the reason why not."""

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from veggie_pl.batch import Clip, Mask
from veggie_pl.data.table.buckets import Bucket
from veggie_pl.data.table.schema import Row
from veggie_pl.errors import UseError
from veggie_pl.masks.rle import decode
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipFile, sample_together, to_clip
from veggie_pl.video.frames import Sampling, window

RATIO = 0.02  # by which aspect ratios of source, target and mask may differ: sizes are rounded


class UnfitError(UseError):
    """Parts of a row that do not fit together."""


def decode_row(
    row: Row, root: Path, sampling: Sampling, num_frames: int, bucket: Bucket | None = None
) -> tuple[Clip, Clip | None, Mask | None]:
    """Source, target and mask of a row.

    Args:
        row: Of a table.
        root: The data root.
        sampling: Which frames; chance is that of the row's key.
        num_frames: How many, where there is no bucket.
        bucket: Shape to stretch to; None keeps the source's size.

    Raises:
        MediaError, ClipError, MaskError: If something cannot be read.
        UnfitError: If the parts differ in length or shape, or nothing is left of a mask that all is about.
    """
    source = ClipFile(row.source, root)
    shape = bucket or Bucket(num_frames, source.info.height, source.info.width)
    files = [source]
    if row.target:
        files.append(target := ClipFile(row.target, root))
        if target.info.num_frames != source.info.num_frames:
            raise UnfitError(f"the source has {source.info.num_frames} frames, its target {target.info.num_frames}")
        same_ratio(source, target.info.height, target.info.width, "target")
    rng = numpy_rng("frames", row.example.key)
    start, stop = row.example.start, row.example.stop
    numbers, frames = sample_together(files, shape.frames, sampling, rng, start, stop)
    clips = [to_clip(_stretched(one, shape)) for one in frames]
    return clips[0], clips[1] if row.target else None, _mask(row, source, numbers, shape)


def _mask(row: Row, source: ClipFile, numbers: list[int], shape: Bucket) -> Mask | None:
    if not row.mask:
        if row.example.skill.is_painted:
            raise UnfitError("it has no mask")
        return None
    first = masked_frames(row, source).start
    frames = {}
    for number in set(numbers):
        rle = row.mask[number - first]
        same_ratio(source, rle.height, rle.width, "mask")
        pixels = decode(rle).astype(np.uint8)
        frames[number] = cv2.resize(pixels, (shape.width, shape.height), interpolation=cv2.INTER_NEAREST)
    mask = torch.from_numpy(np.stack([frames[number] for number in numbers])).bool()
    if row.example.skill.is_painted and not mask.any():
        raise UnfitError("its mask is empty in all frames that are picked")
    return mask


def masked_frames(row: Row, source: ClipFile) -> range:
    """Frames of the source that the row's masks belong to: all, or those of the seconds that count.

    Raises:
        UnfitError: If there is another number of masks, or those seconds are not in the source.
    """
    try:
        frames = window(source.seconds, row.example.start, row.example.stop)
    except ValueError as error:
        raise UnfitError(str(error)) from error
    if len(row.mask) == source.info.num_frames:
        return range(source.info.num_frames)
    if len(row.mask) != len(frames):
        raise UnfitError(f"the source has {source.info.num_frames} frames, but there are {len(row.mask)} masks")
    return frames


def same_ratio(source: ClipFile, height: int, width: int, name: str) -> None:
    """Look whether what belongs to a source has its shape.

    Raises:
        UnfitError: If not.
    """
    own = source.info
    if abs(np.log(own.height * width / (own.width * height))) > RATIO:
        raise UnfitError(f"the source is {own.height} x {own.width} pixels, its {name} {height} x {width}")


def _stretched(frames: UInt8[np.ndarray, "f h w 3"], shape: Bucket) -> UInt8[np.ndarray, "f h2 w2 3"]:
    """As ``video.clip.resize``, but before pixels become floats: a quarter of the memory and the time."""
    height, width = frames.shape[1:3]
    if (height, width) == (shape.height, shape.width):
        return frames
    method = cv2.INTER_AREA if shape.height * shape.width < height * width else cv2.INTER_LINEAR
    size = (shape.width, shape.height)
    return np.stack([cv2.resize(np.ascontiguousarray(one), size, interpolation=method) for one in frames])
