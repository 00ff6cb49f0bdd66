"""What an output should look like: the shape of an example, told without decoding it."""

import re
from collections.abc import Callable, Mapping

from veggie_pl.data.streams import Stream
from veggie_pl.data.table.records import TableRecords
from veggie_pl.scoring.fit import Shape
from veggie_pl.scoring.units import Unit
from veggie_pl.video.clip import ClipFile


def expected_of(streams: Mapping[str, Stream]) -> Callable[[Unit], Shape]:
    """Make a function that tells frames and size of an example as the bench gives it.

    Raises:
        ClipError, MediaError: By that function, if a source cannot be opened.
    """

    def expected(unit: Unit) -> Shape:
        return _shape(streams[unit.stream], unit.index)

    return expected


def _shape(stream: Stream, index: int) -> Shape:
    records = stream.records
    if isinstance(records, TableRecords):
        return _of_row(records, index)
    if found := re.fullmatch(r"(\d+)x(\d+)x(\d+)", stream.bucket):
        return Shape(*(int(number) for number in found.groups()))
    source = stream[index].source
    return Shape(len(source), source.shape[-2], source.shape[-1])


def _of_row(records: TableRecords, index: int) -> Shape:
    """Open the source's header; only where frames are picked evenly can an output's be picked the same way."""
    columns = records.table.columns(index)
    bucket = records.bucket_of(columns)
    own = ClipFile(records.table.row(index).source, records.root).info
    ratio = own.height / own.width
    if records.sampling.kind != "uniform":
        return Shape(bucket.frames, bucket.height, bucket.width, ratio=ratio)
    seconds = own.num_frames / own.fps if own.fps else None
    return Shape(bucket.frames, bucket.height, bucket.width, own.num_frames, seconds, ratio)
