"""What every stream has in common."""

from abc import ABC, abstractmethod
from typing import ClassVar

from veggie_pl.batch import Mask, Sample, Skill
from veggie_pl.chance import numpy_rng
from veggie_pl.data.painting import COLORS, paint
from veggie_pl.data.records import Record, Records
from veggie_pl.data.wordings import word


class Stream(ABC):
    """A data set posed as "video in, instruction, video out": ``stream[i]`` is a function of record i alone.

    Args:
        records: The data set.
    """

    skills: ClassVar[frozenset[Skill]]  # what this kind of supervision can teach

    def __init__(self, records: Records) -> None:
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        if record.skill not in self.skills:
            choices = ", ".join(sorted(self.skills))
            raise ValueError(f"{type(self).__name__} takes {choices}; {record.key} is {str(record.skill)!r}")
        return self.sample(record)

    @abstractmethod
    def sample(self, record: Record) -> Sample:
        """Turn a record into a sample."""


def painted(record: Record, slot: str) -> Sample:
    """A sample whose target is the source with the record's mask filled.

    Args:
        record: With a mask; fill and instruction are chosen by its key where it has none.
        slot: Which slot of the wordings the record's phrase goes into.
    """
    mask = _mask(record)
    fill = record.fill or str(numpy_rng("fill", record.key).choice(list(COLORS)))
    instruction = record.instruction or word(record.skill, {slot: record.phrase, "fill": fill}, record.key)
    return Sample(
        source=record.source,
        target=paint(record.source, mask, fill),
        mask=mask,
        instruction=instruction,
        skill=record.skill,
        key=record.key,
        fill=fill,
        phrase=record.phrase,
    )


def _mask(record: Record) -> Mask:
    if record.mask is None:
        raise ValueError(f"{record.key} has no mask")
    return record.mask
