"""Weighted, seeded, rank-aware, resumable choice of the next sample."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from veggie_pl.batch import MissingSample, Numbered, Sample
from veggie_pl.data.groups import Group, Weighted, groups_of
from veggie_pl.data.proportions import BLOCK, Proportions, shuffled
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.streams import Stream
from veggie_pl.seeding import fingerprint

__all__ = ["BatchSampler", "Indexed", "Mixture", "Weighted"]


class Mixture(Dataset[Numbered]):
    """An endless list of samples: number i is a pure function of (seed, i).

    It does not depend on workers, ranks, batch size or on what was read before, which makes resuming a matter of one
    integer. Each group (a stream, or one skill and shape of a stream) is read in a new order every epoch of its own,
    without repeats inside the epoch.

    Groups whose clips differ in shape take turns: each block of samples is of one shape, so that no batch mixes
    images and clips and all ranks see the same kind at a time. Proportions are still those of the weights.

    Args:
        streams: By name.
        seed: Seeds the order.
        block: Samples in a row that are of one shape, where groups differ; part of what fixes sample i.

    Raises:
        ValueError: If a stream has no sample, or not the skills that are asked of it.
    """

    def __init__(self, streams: dict[str, Weighted], seed: int = 0, block: int = 64) -> None:
        self.streams = streams
        self.seed, self.block = seed, block
        buckets: dict[str, list[Group]] = {}
        for name, weighted in streams.items():
            for group in groups_of(name, weighted):
                buckets.setdefault(group.bucket, []).append(group)
        self.buckets = list(buckets.values())
        weights = [[group.weight for group in groups] for groups in self.buckets]
        self._blocks = Proportions([sum(one) for one in weights], "blocks", seed)
        self._within = [Proportions(one, "mixture", seed) if sum(one) else None for one in weights]

    @property
    def groups(self) -> list[Group]:
        """All groups, those of one shape together."""
        return [group for groups in self.buckets for group in groups]

    def locate(self, index: int) -> tuple[str, int]:
        """Stream and row of sample ``index``."""
        group, row = self.find(index)
        return group.stream, row

    def find(self, index: int) -> tuple[Group, int]:
        """Group, and row of its stream, of sample ``index``."""
        bucket, draw = 0, index
        if len(self.buckets) > 1:
            block, place = divmod(index, self.block)
            bucket, turn = self._blocks.which(block)
            draw = turn * self.block + place
        within = self._within[bucket]
        assert within is not None  # a bucket without weight gets no block
        choice, occurrence = within.which(draw)
        group = self.buckets[bucket][choice]
        return group, row_of(group, occurrence, self.seed)

    def counts(self, samples: int) -> NDArray[np.int64]:
        """How many of the first ``samples`` samples are of each group: exact, and without drawing them."""
        draws = [samples]
        if len(self.buckets) > 1:
            blocks, rest = divmod(samples, self.block)
            draws = (self._blocks.counts(blocks) * self.block).tolist()
            draws[self._blocks.which(blocks)[0]] += rest
        return np.concatenate(
            [
                np.zeros(len(groups), np.int64) if within is None else within.counts(drawn)
                for groups, within, drawn in zip(self.buckets, self._within, draws, strict=True)
            ]
        )

    def drawn(self, samples: int) -> Counter[str]:
        """How many of the first ``samples`` samples are of each stream."""
        found = Counter[str]()
        for group, count in zip(self.groups, self.counts(samples).tolist(), strict=True):
            found[group.stream] += count
        return found

    def proportions(self) -> NDArray[np.float64]:
        """Proportion of each group in a long run; they sum to one."""
        blocks = self._blocks.quotas / BLOCK
        parts = [0 if within is None else within.quotas / BLOCK for within in self._within]
        lengths = [len(groups) for groups in self.buckets]
        return np.concatenate(
            [np.full(length, one) * part for length, one, part in zip(lengths, blocks, parts, strict=True)]
        )

    def fingerprint(self) -> int:
        """Number all that fixes sample i: seed, names, rows, proportions, and block where shapes take turns.

        Records may have a ``digest``, a text that changes with what their rows hold.
        """
        key: list[int | str] = [self.seed, self.block if len(self.buckets) > 1 else 0, *self._blocks.quotas.tolist()]
        for groups, within in zip(self.buckets, self._within, strict=True):
            key += [0] if within is None else within.quotas.tolist()
            key += [part for group in groups for part in group.key()]
        key += [getattr(weighted.stream.records, "digest", "") for weighted in self.streams.values()]
        return fingerprint("mixture", *key)

    def __getitem__(self, index: int) -> Numbered:
        group, row = self.find(index)
        return index, read_sample(self.streams[group.stream].stream, row, group.stream, group.bucket)


class BatchSampler(Sampler[list[int]]):
    """This rank's part of each global batch, from sample ``start()`` on, without end.

    Where it starts is asked whenever it is iterated: a loader may be made long before the state of a run is restored.

    Rank r of R takes samples ``[start() + k R B + r B, ... + B)`` of step k: together the ranks read each sample once,
    and R ranks of batch size B read the same samples per step as one rank of batch size R B.
    """

    def __init__(self, start: Callable[[], int], batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.start, self.batch_size, self.rank, self.world_size = start, batch_size, rank, world_size

    def __iter__(self) -> Iterator[list[int]]:
        first = self.start() + self.rank * self.batch_size
        while True:
            yield list(range(first, first + self.batch_size))
            first += self.world_size * self.batch_size


class Indexed(Dataset[Numbered]):
    """This rank's part of the first ``length`` samples of a stream, with their indices: a held-out set.

    All ranks get as many, for sharded models run in step; samples that repeat to that end have the same index, by which
    metrics count them once.
    """

    def __init__(self, stream: Stream, length: int, rank: int = 0, world_size: int = 1, name: str = "") -> None:
        self.stream, self.name = stream, name
        length = min(length, len(stream))
        self.indices = [(rank + turn * world_size) % length for turn in range(-(-length // world_size))]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, row: int) -> Numbered:
        index = self.indices[row]
        return index, read_sample(self.stream, index, self.name)


def row_of(group: Group, draw: int, seed: int) -> int:
    """Row of the stream for a draw of a group; each epoch reads every row once, in a new order."""
    key = (seed, group.stream) if group.rows is None else (seed, group.stream, group.skill, group.bucket)
    if group.order is not None:
        return group.order(draw, *key)
    number = shuffled(draw, group.length, *key)
    return number if group.rows is None else int(group.rows[number])


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
