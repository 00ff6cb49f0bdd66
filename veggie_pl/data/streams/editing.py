"""Editing: pairs of clips, before and after."""

from veggie_pl.batch import Clip, Mask, Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.base import Stream
from veggie_pl.errors import UseError

CHANGE = 16 / 255  # least change of a pixel, as a share of the range, where the edited clip is not exact


class EditingStream(Stream):
    """Records with a target clip: the six editing skills.

    A record without an instruction can be worded only where its phrase says it all: addition and removal.
    """

    skills = frozenset(skill for skill in Skill if not skill.is_painted)

    def sample(self, record: Record) -> Sample:
        """Pass the record on, with the mask of what changes if it brings none.

        Raises:
            UseError: If the record has no target.
        """
        example = record.example
        if record.target is None:
            raise UseError(f"EditingStream needs a target, but {example.key} has none")
        mask = changed_region(record.source, record.target) if record.mask is None else record.mask
        instruction = self.instruction(record, phrase=example.phrase)
        return Sample(example._replace(instruction=instruction), record.source, record.target, mask)


def changed_region(source: Clip, target: Clip) -> Mask:
    """Where two clips differ visibly, in any channel."""
    return (target - source).abs().amax(1) > 2 * CHANGE
