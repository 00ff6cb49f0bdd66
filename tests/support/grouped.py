"""A stream whose records come in groups, without anything to decode."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from veggie_pl.batch import Example, Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams import Stream

Groups = Mapping[tuple[str, str], NDArray[np.int64]]


class GroupedRecords:
    """Rows in groups: (bucket, skill) -> row numbers."""

    def __init__(self, groups: Groups) -> None:
        self.rows = groups

    def __len__(self) -> int:
        return 1 + max((int(rows.max()) for rows in self.rows.values() if len(rows)), default=-1)

    def __getitem__(self, index: int) -> Record:
        bucket, skill = next(group for group, rows in self.rows.items() if index in rows)
        frames, height, width = map(int, bucket.split("x"))
        return Record(Example(f"row/{index}", Skill(skill)), torch.zeros(frames, 3, height, width))

    def groups(self) -> Groups:
        return self.rows


class Grouped(Stream):
    """Passes records on as samples that change nothing."""

    skills = frozenset(Skill)

    def __init__(self, groups: Groups) -> None:
        super().__init__(GroupedRecords(groups))

    def sample(self, record: Record) -> Sample:
        mask = torch.zeros(record.source[:, 0].shape, dtype=torch.bool)
        return Sample(Example(record.example.key, record.example.skill, "x"), record.source, record.source, mask)


def some_groups(*sizes: tuple[str, str, int], bad: int = 0) -> Grouped:
    """Groups of (bucket, skill, rows), interleaved as in a real table, after ``bad`` rows that are in no group."""
    owners = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), [size for *_, size in sizes]))
    groups = {(bucket, skill): np.flatnonzero(owners == i) + bad for i, (bucket, skill, _) in enumerate(sizes)}
    return Grouped(groups)
