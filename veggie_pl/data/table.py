"""A prepared data set: one uniform table of rows, mapped from disk, read in any order."""

import mmap
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from datasets.table import InMemoryTable

from veggie_pl.batch import Clip, Mask, Skill
from veggie_pl.chance import numpy_rng
from veggie_pl.data.buckets import Bucket, choose
from veggie_pl.data.clips import ClipError, resize, to_clip
from veggie_pl.data.decoding import Footage
from veggie_pl.data.ledger import read_ledger
from veggie_pl.data.media import MediaError
from veggie_pl.data.parts import TableError, TableInfo, read_info, write_table
from veggie_pl.data.records import BadRecordError, Record
from veggie_pl.data.rle import MaskError, decode
from veggie_pl.data.rows import FEATURES, Row, from_columns

__all__ = ["Table", "TableError", "TableInfo", "TableRecords", "write_table"]
RELEASE = 64  # rows read until their pages are given back: about 50 MiB
RATIO = 0.02  # by which aspect ratios of source, target and mask may differ: sizes are rounded


class Table:
    """Rows of ``prepare``, by number. It travels between processes as the name of its folder.

    Args:
        folder: ``<prepared>/<card>/<split>``.

    Raises:
        TableError: If preparing was never finished there, or parts are missing or cut off.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.info = read_info(self.folder)
        self._read = 0

    def __reduce__(self) -> tuple[type["Table"], tuple[str]]:
        return Table, (str(self.folder),)

    @cached_property
    def rows(self) -> datasets.Dataset:
        """Memory-mapped."""
        if not self.info.parts:
            return datasets.Dataset(InMemoryTable(FEATURES.arrow_schema.empty_table()))
        table = pa.concat_tables([pa.ipc.open_stream(pa.py_buffer(one)).read_all() for one in self._maps])
        self._release()
        # datasets would otherwise read all of it to make a fingerprint
        return datasets.Dataset(InMemoryTable(table), fingerprint=self.info.content)

    def __len__(self) -> int:
        return self.info.num_rows

    def row(self, number: int) -> Row:
        """Row ``number``.

        Raises:
            IndexError: If there is no such row.
        """
        return from_columns(self.columns(number))

    def columns(self, number: int) -> dict[str, Any]:
        """Row ``number`` as it is stored, with the facts of its source's header."""
        if not 0 <= number < len(self):
            raise IndexError(f"row {number} of a table of {len(self)}")
        # What Dataset.__getitem__ does, less its formatting: a few times faster.
        found: dict[str, Any] = self.rows.data.fast_slice(number, 1).to_pylist()[0]
        self._read += 1
        if self._read % RELEASE == 0:
            self._release()
        return found

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column of numbers or texts, whole; of the skill, the number of each one's place in ``Skill``."""
        found = []
        for one in self._maps:  # part by part, so that no more than one is resident at a time
            column = pa.ipc.open_stream(pa.py_buffer(one)).read_all().column(name)
            if name == "skill":
                column = pc.index_in(column, pa.array([str(skill) for skill in Skill])).cast(pa.int8())
            found.append(np.array(column.to_numpy()))
            one.madvise(mmap.MADV_DONTNEED)
        return np.concatenate(found) if found else np.zeros(0, np.int32)

    @cached_property
    def _maps(self) -> list[mmap.mmap]:
        maps = []
        for part in self.info.parts:
            with (self.folder / part.file).open("rb") as file:
                maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return maps

    def _release(self) -> None:
        """Stop counting pages that were read as this process's own: they stay in the system's cache."""
        for one in self._maps:
            one.madvise(mmap.MADV_DONTNEED)


class TableRecords:
    """Rows of a table, decoded: ``records[i]`` is row i as a clip of its bucket's shape.

    Frames are stretched to the bucket without regard to the aspect ratio, as ``edit`` does; several buckets of
    different ratios keep that small.

    Args:
        table: Folder of a prepared table, ``<prepared>/<card>/<split>``.
        num_frames: Frames per clip; shorter clips repeat some.
        size: Side in pixels, or (height, width); None keeps each source's own size.
        sampling: Which frames: ``uniform`` over the clip, ``consecutive`` from a start drawn by the key, or ``fps``.
        buckets: Shapes (frames, height, width) to choose from by the source's header, in place of the two above.
        root: Folder of the media, if they lie elsewhere than when they were prepared.

    Raises:
        TableError: If there is no such table.
        ValueError: If a shape is impossible.
    """

    def __init__(
        self,
        table: str,
        num_frames: int = 1,
        size: int | tuple[int, int] | None = None,
        sampling: Literal["uniform", "fps", "consecutive"] = "uniform",
        buckets: list[tuple[int, int, int]] | None = None,
        root: str | None = None,
    ) -> None:
        self.table = Table(table)
        self.num_frames, self.sampling = num_frames, sampling
        self.root = Path(self.table.info.root if root is None else root)
        if num_frames < 1:
            raise ValueError(f"num_frames must be at least 1, got {num_frames}")
        if buckets is not None and not buckets:
            raise ValueError("buckets: at least one (frames, height, width) is needed, or null")
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
        return self.table.info.content

    def groups(self) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
        """(bucket, skill) -> ascending row numbers, without those that ``check`` found to be bad."""
        frames, height, width = (self.table.column(name) for name in ("frames", "height", "width"))
        if self.buckets is None:
            size, which = np.unique(height.astype(np.int64) << 32 | width, return_inverse=True)
            buckets = [f"{self.num_frames}x{one >> 32}x{one & 0xFFFFFFFF}" for one in size.tolist()]
        else:
            which = choose(self.buckets, frames, height, width)
            buckets = [str(one) for one in self.buckets]
        del frames, height, width
        group = which.astype(np.int32) * len(Skill) + self.table.column("skill")
        group[[fault.row for fault in read_ledger(self.table.folder)]] = -1
        count = np.bincount(group[group >= 0], minlength=len(buckets) * len(Skill))
        names = list(map(str, Skill))
        return {
            (buckets[number // len(names)], names[number % len(names)]): np.flatnonzero(group == number)
            for number in np.flatnonzero(count).tolist()
        }

    def bucket_of(self, columns: dict[str, Any]) -> Bucket:
        """The shape of a record, by the columns of its row."""
        frames, height, width = (np.array([columns[name]]) for name in ("frames", "height", "width"))
        if self.buckets is None:
            return Bucket(self.num_frames, int(height[0]), int(width[0]))
        return self.buckets[int(choose(self.buckets, frames, height, width)[0])]

    def __getitem__(self, index: int) -> Record:
        """Record ``index``.

        Raises:
            IndexError: If there is none.
            BadRecordError: If it cannot be decoded or its parts do not fit together.
        """
        columns = self.table.columns(index)
        row = from_columns(columns)
        try:
            return self._record(row, None if self.buckets is None else self.bucket_of(columns))
        except (MediaError, ClipError, MaskError, UnfitError) as error:
            raise BadRecordError(row.key, str(error)) from error

    def _record(self, row: Row, bucket: Bucket | None) -> Record:
        source = Footage(row.source, self.root)
        bucket = bucket or Bucket(self.num_frames, source.height, source.width)
        target = Footage(row.target, self.root) if row.target else None
        for name, other in (("target", target),):
            if other is not None:
                if other.num_frames != source.num_frames:
                    raise UnfitError(f"the source has {source.num_frames} frames, its {name} {other.num_frames}")
                same_ratio(source, other.height, other.width, name)
        first, last = span(row, source)
        picked = pick(last - first, bucket.frames, self.sampling, row.key, source.fps) + first
        mask = self._mask(row, source, picked, first, last, bucket)
        info = self.table.info
        return Record(
            key=row.key,
            skill=row.skill,
            source=self._clip(source, picked, bucket),
            target=None if target is None else self._clip(target, picked, bucket),
            mask=mask,
            instruction=row.instruction,
            phrase=row.phrase,
            fill=row.fill,
            place=row.place,
            wordings=info.wordings,
            fills=info.fills,
        )

    def _clip(self, footage: Footage, picked: npt.NDArray[np.int64], bucket: Bucket) -> Clip:
        return resize(to_clip(footage.get(picked.tolist())), bucket.height, bucket.width)

    def _mask(
        self, row: Row, source: Footage, picked: npt.NDArray[np.int64], first: int, last: int, bucket: Bucket
    ) -> Mask | None:
        if not row.mask:
            if row.skill.is_painted:
                raise UnfitError("it has no mask")
            return None
        if len(row.mask) == source.num_frames:
            numbers = picked
        elif len(row.mask) == last - first:
            numbers = picked - first
        else:
            raise UnfitError(f"the source has {source.num_frames} frames, but there are {len(row.mask)} masks")
        frames = {}
        for number in set(numbers.tolist()):
            rle = row.mask[number]
            same_ratio(source, rle.height, rle.width, "mask")
            frames[number] = cv2.resize(
                decode(rle).astype(np.uint8), (bucket.width, bucket.height), interpolation=cv2.INTER_NEAREST
            )
        mask = torch.from_numpy(np.stack([frames[number] for number in numbers.tolist()])).bool()
        if row.skill.is_painted and not mask.any():
            raise UnfitError("its mask is empty in all frames that are picked")
        return mask


class UnfitError(ValueError):
    """Parts of a record that do not fit together."""


def pick(num_frames: int, wanted: int, sampling: str, key: str, fps: float) -> npt.NDArray[np.int64]:
    """Numbers of the frames to read, of a clip of ``num_frames``; a shorter clip repeats some."""
    if sampling == "uniform":
        return np.linspace(0, num_frames - 1, wanted).round().astype(np.int64)
    step = max(fps / 8.0, 1.0) if sampling == "fps" else 1.0
    free = max(num_frames - int(np.ceil((wanted - 1) * step)), 1)
    start = int(numpy_rng("frames", key).integers(free))
    return np.minimum(start + (np.arange(wanted) * step).astype(np.int64), num_frames - 1)


def span(row: Row, source: Footage) -> tuple[int, int]:
    """First frame that counts, and the one after the last."""
    if source.fps <= 0 or (not row.start and not row.stop):
        return 0, source.num_frames
    first = round(row.start * source.fps)
    last = min(round(row.stop * source.fps), source.num_frames) if row.stop else source.num_frames
    if first >= last:
        raise UnfitError(f"seconds {row.start} to {row.stop} of a clip of {source.num_frames / source.fps:.2f} seconds")
    return first, last


def same_ratio(source: Footage, height: int, width: int, name: str) -> None:
    """Look whether what belongs to a source has its shape.

    Raises:
        UnfitError: If not.
    """
    if abs(np.log(source.height * width / (source.width * height))) > RATIO:
        raise UnfitError(f"the source is {source.height} x {source.width} pixels, its {name} {height} x {width}")
