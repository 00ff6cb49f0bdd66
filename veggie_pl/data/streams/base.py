"""What all streams share: records in, samples out, and instructions for records that bring none."""

from abc import ABC, abstractmethod

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.instructions.templates import with_articles, word
from veggie_pl.data.records import Record, Records
from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng


class Stream(ABC):
    """Samples by index; ``stream[i]`` is a function of record i alone.

    Args:
        records: The data set.
        held_out_wordings: Word instructions as no training instruction is worded. Only for records without one.
    """

    skills: frozenset[Skill]  # what records it takes

    def __init__(self, records: Records, held_out_wordings: bool = False) -> None:
        self.records = records
        self.held_out_wordings = held_out_wordings

    @property
    def bucket(self) -> str:
        """Names the shape of its clips: streams of one name may share a batch. Records may have a ``bucket``."""
        return getattr(self.records, "bucket", "")

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        if record.example.skill not in self.skills:
            choices = ", ".join(sorted(self.skills))
            raise UseError(f"{type(self).__name__} takes {choices}, but {record.example.key} is {record.example.skill}")
        return self.sample(record)

    @abstractmethod
    def sample(self, record: Record) -> Sample:
        """Turn one record of the right skill into a sample."""

    def instruction(self, record: Record, **slots: str) -> str:
        """The record's own instruction, else one worded from these slots by the chance of the record's key.

        Templates are those of the record, if it brings any; what is held out is always ours.
        """
        example = record.example
        if example.instruction is not None:
            return example.instruction
        rng = numpy_rng("wording", example.key)
        if record.templates and not self.held_out_wordings:
            return with_articles(record.templates[int(rng.random() * len(record.templates))].format(**slots))
        return word(example.skill, rng, self.held_out_wordings, **slots)
