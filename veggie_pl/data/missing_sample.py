"""A record that cannot be used leaves a hole in the mixture: counted, reported, and never filled with another one."""

from veggie_pl.batch import Hole, Sample
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.streams import Stream


def sample_or_hole(stream: Stream, row: int, name: str, bucket: str = "") -> Sample | Hole:
    """Sample ``row`` of a stream.

    Args:
        stream: Raises ``BadRecordError`` where a record cannot be used; any other error is a mistake, and ends the run.
        row: Of the stream.
        name: Of the stream, for the ledger.
        bucket: Shape that the sample would have; empty: the stream's own.
    """
    try:
        return stream[row]
    except BadRecordError as error:
        return Hole(name, row, error.key, error.reason, bucket or stream.bucket)
