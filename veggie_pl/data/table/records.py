"""Records of a table: rows decoded to clips and masks of one shape, the same frames of all that belongs together."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import UInt8

from veggie_pl.batch import Clip, ClipNames, Mask, Skill
from veggie_pl.data.records import BadRecordError, Record
from veggie_pl.data.table.buckets import Bucket, choose
from veggie_pl.data.table.quarantine import read_quarantine
from veggie_pl.data.table.schema import Row, from_columns
from veggie_pl.data.table.table import Table
from veggie_pl.errors import UseError
from veggie_pl.masks.rle import MaskError, decode
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipError, ClipFile, sample_together, to_clip
from veggie_pl.video.frames import Sampling, window
from veggie_pl.video.media import Media, MediaError

RATIO = 0.02  # by which aspect ratios of source, target and mask may differ: sizes are rounded


class UnfitError(UseError):
    """Parts of a row that do not fit together."""


class TableRecords:
    """Rows of a table, decoded: ``records[i]`` is row i as a clip of its bucket's shape.

    Frames are stretched to the bucket without regard to the aspect ratio, as ``edit`` does; several buckets of
    different ratios keep that small.

    Args:
        table: Folder of a prepared table, ``<prepared>/<card>/<split>``.
        num_frames: Frames per clip; shorter clips repeat some if they are sampled uniformly.
        size: Side in pixels, or (height, width); None keeps each source's own size.
        sampling: Which frames: ``uniform`` over the clip, ``consecutive`` from a start drawn by the key, or ``fps``.
        fps: Frames per second, for ``fps``.
        stride: Frames from one to the next, for ``consecutive``.
        buckets: Shapes (frames, height, width) to choose from by the source's header, in place of the two above.
        root: Folder of the media, if they lie elsewhere than when they were prepared.

    Raises:
        TableError: If there is no such table.
        UseError: If a shape is impossible.
    """

    def __init__(
        self,
        table: str,
        num_frames: int = 1,
        size: int | tuple[int, int] | None = None,
        sampling: Literal["uniform", "fps", "consecutive"] = "uniform",
        fps: float = 8.0,
        stride: int = 1,
        buckets: list[tuple[int, int, int]] | None = None,
        root: str | None = None,
    ) -> None:
        self.table = Table(table)
        self.num_frames, self.sampling = num_frames, Sampling(sampling, fps, stride)
        self.root = Path(self.table.info.root if root is None else root)
        if num_frames < 1:
            raise UseError(f"num_frames must be at least 1, got {num_frames}")
        if buckets is not None and not buckets:
            raise UseError("buckets: at least one (frames, height, width) is needed, or null")
        height_width = (size, size) if isinstance(size, int) else size
        single = None if height_width is None else [(num_frames, *height_width)]
        shapes = single if buckets is None else buckets
        self.buckets = None if shapes is None else [Bucket(*shape) for shape in shapes]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def bucket(self) -> str:
        """Frames and size of every clip; empty where they differ."""
        return str(self.buckets[0]) if self.buckets is not None and len(self.buckets) == 1 else ""

    @property
    def digest(self) -> str:
        """Changes with what the rows hold."""
        return self.table.content

    def groups(self) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
        """(bucket, skill) -> ascending row numbers, without those that ``check`` found to be bad."""
        frames, height, width, which = self.table.shapes()
        if self.buckets is None:
            named = [f"{self.num_frames}x{h}x{w}" for h, w in zip(height.tolist(), width.tolist(), strict=True)]
        else:
            named = [str(self.buckets[number]) for number in choose(self.buckets, frames, height, width).tolist()]
        buckets = list(dict.fromkeys(named))
        group = np.array([buckets.index(name) for name in named], np.int32)[which]
        group *= len(Skill)
        group += self.table.column("skill")
        group[self.bad_rows()] = -1
        count = np.bincount(group[group >= 0], minlength=len(buckets) * len(Skill))
        names = list(map(str, Skill))
        return {
            (buckets[number // len(names)], names[number % len(names)]): np.flatnonzero(group == number)
            for number in np.flatnonzero(count).tolist()
        }

    def bad_rows(self) -> list[int]:
        """Rows that ``check`` found to be bad."""
        return [fault.row for fault in read_quarantine(self.table.folder)]

    def bucket_of(self, columns: dict[str, Any]) -> Bucket:
        """The shape of a record, by the columns of its row."""
        frames, height, width = (np.array([columns[name]]) for name in ("frames", "height", "width"))
        if self.buckets is None:
            return Bucket(self.num_frames, int(height[0]), int(width[0]))
        if len(self.buckets) == 1:
            return self.buckets[0]
        return self.buckets[int(choose(self.buckets, frames, height, width)[0])]

    def key(self, index: int) -> str:
        """Name record ``index``, without decoding it."""
        return str(self.table.columns(index)["key"])

    def fingerprint(self, index: int) -> str:
        """Hash what record ``index`` is made of, without decoding it.

        It changes with the row, with the size and time of a file that the row names, and with the settings here.
        """
        return self.names(index).target

    def names(self, index: int) -> ClipNames:
        """Name the clips of record ``index``, without decoding it; the source's is shared by rows with equal frames."""
        columns = self.table.columns(index)
        return self._names(columns, from_columns(columns))

    def _names(self, columns: dict[str, Any], row: Row) -> ClipNames:
        shape = self.num_frames if self.buckets is None else self.bucket_of(columns)
        facts, info = row.example, self.table.info
        key = facts.key if self.sampling.kind == "consecutive" else ""  # whose chance picks the frames
        source = repr((shape, self.sampling, facts.start, facts.stop, key))
        whole = [repr((shape, self.sampling, info.wordings, info.fills)), repr(facts), repr(row.mask)]
        media = *row.source, *row.target
        return ClipNames(_digest(source, row.source, self.root), _digest("\n".join(whole), media, self.root))

    def __getitem__(self, index: int) -> Record:
        """Record ``index``.

        Raises:
            IndexError: If there is none.
            BadRecordError: If it cannot be decoded or its parts do not fit together.
        """
        columns, info = self.table.columns(index), self.table.info
        row = from_columns(columns)
        bucket = None if self.buckets is None else self.bucket_of(columns)
        try:
            source, target, mask = decode_row(row, self.root, self.sampling, self.num_frames, bucket)
        except (MediaError, ClipError, MaskError, UnfitError) as error:
            raise BadRecordError(row.key, " ".join(str(error).split())) from error
        return Record(row.example, source, target, mask, info.wordings, info.fills, self._names(columns, row))


def _digest(settings: str, media: tuple[Media, ...], root: Path) -> str:
    """Hash settings and what is read by them: bytes in the table, or places, sizes and times of files."""
    digest = hashlib.blake2b(settings.encode(errors="backslashreplace"), digest_size=16)
    for one in media:
        digest.update(repr((one.path, one.offset, one.size, one.name)).encode())
        digest.update(_state(root / one.path) if one.data is None else one.data)
    return digest.hexdigest()


def _state(path: Path) -> bytes:
    """Size and time of a file; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return b""
    return f"{found.st_size} {found.st_mtime_ns}".encode()


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
