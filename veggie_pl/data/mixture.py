"""Weighted, seeded, rank-aware, resumable choice of the next sample."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import Dataset, Sampler

from veggie_pl.batch import Numbered
from veggie_pl.data.allotment import Allotment, shuffled
from veggie_pl.data.holes import sample_or_hole
from veggie_pl.data.streams import Stream


@dataclass
class Weighted:
    """One line of the mixture.

    Args:
        stream: Where samples come from.
        weight: Share of the samples, relative to the other streams.
    """

    stream: Stream
    weight: float = 1.0


class Mixture(Dataset[Numbered]):
    """An endless list of samples: number i is a pure function of (seed, i).

    It does not depend on workers, ranks, batch size or on what was read before, which makes resuming a matter of one
    integer. Each stream is read in a new order every epoch of its own, without repeats inside the epoch.

    Streams whose clips differ in shape take turns: each block of samples is of one shape, so that no batch mixes
    images and clips and all ranks see the same kind at a time. Shares are still those of the weights.

    Args:
        streams: By name.
        seed: Seeds the order.
        block: Samples in a row that are of one shape, where streams differ; part of what fixes sample i.

    Raises:
        ValueError: If a stream has no sample.
    """

    def __init__(self, streams: dict[str, Weighted], seed: int = 0, block: int = 64) -> None:
        if empty := [name for name, line in streams.items() if len(line.stream) == 0]:
            raise ValueError(f"streams without a sample: {empty}")
        self.streams = streams
        self.seed, self.block = seed, block
        buckets: dict[str, list[str]] = {}
        for name, line in streams.items():
            buckets.setdefault(line.stream.bucket, []).append(name)
        self.buckets = list(buckets.values())
        weights = [[streams[name].weight for name in names] for names in self.buckets]
        self._blocks = Allotment([sum(one) for one in weights], "blocks", seed)
        self._within = [Allotment(one, "mixture", seed) if sum(one) else None for one in weights]

    def locate(self, index: int) -> tuple[str, int]:
        """Stream and row of sample ``index``."""
        bucket, draw = 0, index
        if len(self.buckets) > 1:
            block, place = divmod(index, self.block)
            bucket, turn = self._blocks.which(block)
            draw = turn * self.block + place
        within = self._within[bucket]
        assert within is not None  # a bucket without weight gets no block
        choice, occurrence = within.which(draw)
        name = self.buckets[bucket][choice]
        return name, shuffled(occurrence, len(self.streams[name].stream), self.seed, name)

    def __getitem__(self, index: int) -> Numbered:
        name, row = self.locate(index)
        return index, sample_or_hole(self.streams[name].stream, row, name)


class BatchSampler(Sampler[list[int]]):
    """This rank's part of each global batch, from sample ``start`` on, without end.

    Rank r of R takes samples ``[start + k R B + r B, ... + B)`` of step k: together the ranks read each sample once,
    and R ranks of batch size B read the same samples per step as one rank of batch size R B.
    """

    def __init__(self, start: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.start, self.batch_size, self.rank, self.world_size = start, batch_size, rank, world_size

    def __iter__(self) -> Iterator[list[int]]:
        first = self.start + self.rank * self.batch_size
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
        return index, sample_or_hole(self.stream, index, self.name)
