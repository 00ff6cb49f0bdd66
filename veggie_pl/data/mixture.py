"""Weighted, seeded, rank-aware, resumable choice of the next sample."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import Dataset, Sampler

from veggie_pl.batch import Sample
from veggie_pl.data.allotment import Allotment, shuffled
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


class Mixture(Dataset[tuple[int, Sample]]):
    """An endless list of samples: number i is a pure function of (seed, i).

    It does not depend on workers, ranks, batch size or on what was read before, which makes resuming a matter of one
    integer. Each stream is read in a new order every epoch of its own, without repeats inside the epoch.
    """

    def __init__(self, streams: dict[str, Weighted], seed: int = 0) -> None:
        if empty := [name for name, line in streams.items() if len(line.stream) == 0]:
            raise ValueError(f"streams without a sample: {empty}")
        self.streams = streams
        self.names = list(streams)
        self.seed = seed
        self.allotment = Allotment([line.weight for line in streams.values()], "mixture", seed)

    def locate(self, index: int) -> tuple[str, int]:
        """Stream and row of sample ``index``."""
        choice, occurrence = self.allotment.which(index)
        name = self.names[choice]
        return name, shuffled(occurrence, len(self.streams[name].stream), self.seed, name)

    def __getitem__(self, index: int) -> tuple[int, Sample]:
        name, row = self.locate(index)
        return index, self.streams[name].stream[row]


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


class Indexed(Dataset[tuple[int, Sample]]):
    """The first ``length`` samples of a stream, with their indices: a held-out set."""

    def __init__(self, stream: Stream, length: int) -> None:
        self.stream = stream
        self.length = min(length, len(stream))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[int, Sample]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return index, self.stream[index]
