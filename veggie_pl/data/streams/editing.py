"""Pairs of videos: add, remove, replace, background, colour and texture, style."""

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.base import Stream

_VISIBLE = 2 * 2 / 255  # a change of two grey levels, in the range [-1, 1]


class EditingStream(Stream):
    """(source, instruction, target) as it is; where a record names no changed region, it is where pixels differ."""

    skills = frozenset(skill for skill in Skill if not skill.is_painted)

    def sample(self, record: Record) -> Sample:
        """Pass the record on."""
        if record.target is None or record.instruction is None:
            raise ValueError(f"{record.key} lacks a {'target' if record.target is None else 'instruction'}")
        mask = record.mask
        if mask is None:
            mask = (record.target - record.source).abs().amax(1) > _VISIBLE
        return Sample(
            source=record.source,
            target=record.target,
            mask=mask,
            instruction=record.instruction,
            skill=record.skill,
            key=record.key,
            phrase=record.phrase,
            place=record.place,
        )
