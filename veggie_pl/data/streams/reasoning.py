"""Reasoning segmentation posed as an edit: fill what answers the question."""

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.base import Stream, painted


class ReasoningStream(Stream):
    """(source, question, mask) -> the source with the answer filled by a colour; the phrase holds the question."""

    skills = frozenset({Skill.REASONING})

    def sample(self, record: Record) -> Sample:
        """Paint the mask."""
        return painted(record, "question")
