"""A sample of a stream, or what is missing: counted, reported, and never filled with another one."""

from dataclasses import replace

from veggie_pl.batch import MissingSample, Sample
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.streams import Stream


def read_sample(stream: Stream, row: int, name: str, bucket: str = "") -> Sample | MissingSample:
    """Read sample ``row`` of a stream, which then knows where it was drawn from.

    Args:
        stream: Raises ``BadRecordError`` where a record cannot be used; any other error is a mistake, and ends the run.
        row: Of the stream.
        name: Of the stream, for the quarantine list.
        bucket: Shape that the sample would have; empty: the stream's own.
    """
    try:
        sample = stream[row]
    except BadRecordError as error:
        return MissingSample(name, row, error.key, error.reason, bucket or stream.bucket)
    return replace(sample, example=sample.example._replace(stream=name, row=row))
