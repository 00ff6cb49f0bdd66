"""A benchmark: one held-out stream per skill."""

from abc import ABC, abstractmethod

from veggie_pl.data.streams import Stream


class Benchmark(ABC):
    """What validation and test read."""

    @abstractmethod
    def streams(self) -> dict[str, Stream]:
        """One stream per skill, by name; each gets a loader of its own."""


class ListedBenchmark(Benchmark):
    """A benchmark written out in a config, for your own data.

    Args:
        skills: Streams by name.
    """

    def __init__(self, skills: dict[str, Stream]) -> None:
        self.skills = skills

    def streams(self) -> dict[str, Stream]:
        """The streams as listed."""
        return self.skills
