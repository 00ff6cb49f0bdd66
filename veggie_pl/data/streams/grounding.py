"""Referring segmentation posed as an edit: fill what the phrase names."""

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.base import Stream, painted


class GroundingStream(Stream):
    """(source, phrase, mask) -> the source with the named object filled by a colour."""

    skills = frozenset({Skill.GROUNDING})

    def sample(self, record: Record) -> Sample:
        """Paint the mask."""
        return painted(record, "phrase")
