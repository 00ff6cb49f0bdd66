"""Reasoning segmentation: a question in, the clip with the answer filled by a colour out."""

from veggie_pl.batch import Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.grounding import GroundingStream


class ReasoningStream(GroundingStream):
    """As grounding, but the record's phrase is a question, or its instruction asks one."""

    skills = frozenset({Skill.REASONING})

    def slots(self, record: Record) -> dict[str, str]:
        """The question, ending in a question mark."""
        return {"question": record.example.phrase.rstrip("?") + "?"}
