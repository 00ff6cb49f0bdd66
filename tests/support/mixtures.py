"""Mixtures of streams without anything to decode."""

import torch

from support.grouped import some_groups
from veggie_pl.batch import Example, Sample, Skill
from veggie_pl.data.mixture import Mixture, Weighted
from veggie_pl.data.records import Record
from veggie_pl.data.streams import Stream


class Rows(Stream):
    """A stream of empty samples."""

    skills = frozenset(Skill)

    def __init__(self, name: str, length: int) -> None:
        super().__init__([])
        self.name, self.length = name, length

    def __len__(self) -> int:
        return self.length

    def sample(self, record: Record) -> Sample:
        raise NotImplementedError

    def __getitem__(self, index: int) -> Sample:
        clip = torch.zeros(1, 3, 2, 2)
        mask = torch.zeros(1, 2, 2, dtype=torch.bool)
        return Sample(Example(f"{self.name}/{index}", Skill.REMOVAL, "x"), clip, clip, mask)


def mixture(**weights: float) -> Mixture:
    return Mixture({name: Weighted(Rows(name, 10), float(weight)) for name, weight in weights.items()}, seed=3)


def grouped(seed: int = 3, skills: dict[str, float] | None = None, bad: int = 0) -> Mixture:
    stream = some_groups(
        ("1x8x8", "removal", 30), ("2x8x8", "removal", 10), ("1x8x8", "addition", 60), ("2x4x4", "addition", 4), bad=bad
    )
    other = some_groups(("2x8x8", "grounding", 7))
    streams = {"s": Weighted(stream, 3.0, skills), "g": Weighted(other, 1.0), "plain": Weighted(Rows("plain", 9), 0.5)}
    return Mixture(streams, seed, block=8)
