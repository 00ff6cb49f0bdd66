"""Records of a table: rows decoded to clips of one shape, in groups of shape and skill."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from veggie_pl.batch import Skill
from veggie_pl.data.records import BadRecordError, Record
from veggie_pl.data.table.buckets import AT_ONCE, Bucket, choose
from veggie_pl.data.table.decode import UnfitError, decode_row
from veggie_pl.data.table.quarantine import read_ledger
from veggie_pl.data.table.schema import from_columns
from veggie_pl.data.table.table import Table
from veggie_pl.errors import UseError
from veggie_pl.masks.rle import MaskError
from veggie_pl.video.clip import ClipError
from veggie_pl.video.frames import Sampling
from veggie_pl.video.media import MediaError


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
        return self.table.info.content

    def groups(self) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
        """(bucket, skill) -> ascending row numbers, without those that ``check`` found to be bad."""
        frames, height, width, which = self._shapes()
        if self.buckets is None:
            named = [f"{self.num_frames}x{h}x{w}" for h, w in zip(height.tolist(), width.tolist(), strict=True)]
        else:
            named = [str(self.buckets[number]) for number in choose(self.buckets, frames, height, width).tolist()]
        buckets = list(dict.fromkeys(named))
        group = np.array([buckets.index(name) for name in named], np.int32)[which]
        group *= len(Skill)
        group += self.table.column("skill")
        group[[fault.row for fault in read_ledger(self.table.folder)]] = -1
        count = np.bincount(group[group >= 0], minlength=len(buckets) * len(Skill))
        names = list(map(str, Skill))
        return {
            (buckets[number // len(names)], names[number % len(names)]): np.flatnonzero(group == number)
            for number in np.flatnonzero(count).tolist()
        }

    def _shapes(self) -> tuple[npt.NDArray[Any], ...]:
        """Frames, height and width of each shape that sources have, and the number of each row's own: they are few."""
        packed = self.table.column("frames").astype(np.int64)
        for name in ("height", "width"):  # headers with longer sides than 16 bits are refused
            packed <<= 16
            packed |= self.table.column(name)
        which, known = np.zeros(len(packed), np.int32), dict[int, int]()
        for start in range(0, len(packed), AT_ONCE):
            values, own = np.unique(packed[start : start + AT_ONCE], return_inverse=True)
            which[start : start + AT_ONCE] = np.array([known.setdefault(int(v), len(known)) for v in values])[own]
        shapes = np.array(list(known), np.int64)
        return shapes >> 32, shapes >> 16 & 0xFFFF, shapes & 0xFFFF, which

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
        columns, info = self.table.columns(index), self.table.info
        row = from_columns(columns)
        bucket = None if self.buckets is None else self.bucket_of(columns)
        try:
            source, target, mask = decode_row(row, self.root, self.sampling, self.num_frames, bucket)
        except (MediaError, ClipError, MaskError, UnfitError) as error:
            raise BadRecordError(row.key, " ".join(str(error).split())) from error
        return Record(row.example, source, target, mask, info.wordings, info.fills)
