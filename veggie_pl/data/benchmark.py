"""A benchmark: one held-out stream per skill, and what edits of its examples are scored by."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Batch, Clips, Skill
from veggie_pl.data.streams import Stream

Values = Float[Tensor, " b"]


@dataclass(frozen=True)
class Measure:
    """How to read the numbers of one measure."""

    name: str  # in tables and logs
    unit: str  # "%", "dB", ...
    bounds: tuple[float, float] | None = None  # least and greatest value of a sample, see ``metrics.SkillScores``
    higher_is_better: bool = True
    needs: tuple[str, ...] = ()  # "target", "detector", ...: where it is not there, the measure is left out
    worst: float | None = None  # what an output that is missing or cannot be read scores; None: no number
    aspect: str = "answer"  # what it looks at; ``SkillTable`` picks measures by it
    weight: str = ""  # column of weights: the mean over samples is weighted by it, "" weighs all alike


@runtime_checkable
class SkillMeasures(Protocol):
    """Scores the edits of one skill."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All that may be scored, in the order of tables."""
        ...

    @property
    def headline(self) -> str:
        """Name the measure that stands for the skill in ``val/score``."""
        ...

    def __call__(self, edited: Clips, batch: Batch) -> dict[str, Values]:
        """Compute all measures of a batch together, so that what several need is computed once.

        Args:
            edited: Outputs in [-1, 1], on the model's device.
            batch: What was asked, of this skill only, on the same device.

        Returns:
            Of each measure one number per sample, on any device: NaN where it is not defined for the sample. What the
            batch lacks what it needs for is left out. Columns of weights (``Measure.weight``) stand beside them.
        """
        ...


@runtime_checkable
class Measures(Protocol):
    """What a benchmark scores edits by, whatever it is: exact answers, detectors, judges."""

    def of_skill(self, skill: Skill) -> SkillMeasures:
        """Return the measures of one of the eight skills."""
        ...


class Benchmark(ABC):
    """What validation and test read."""

    measures: Measures | None = None  # None is the table of the eight skills, as far as it needs no detector

    @abstractmethod
    def streams(self) -> dict[str, Stream]:
        """One stream per skill, by name; each gets a loader of its own."""

    def in_written_words(self) -> "Benchmark | None":
        """Return the same examples, asked for in the wordings that people wrote; None if there are none for it.

        Example ``i`` of a skill's stream has the wording ``veggie_pl.data.instructions.written.written(skill, i)``.
        """
        return None


class ListedBenchmark(Benchmark):
    """A benchmark written out in a config, for your own data.

    Args:
        skills: Streams by name.
        measures: What edits are scored by, such as ``veggie_pl.metrics.SkillTable`` with a detector for your objects.
    """

    def __init__(self, skills: dict[str, Stream], measures: Measures | None = None) -> None:
        self.skills, self.measures = skills, measures

    def streams(self) -> dict[str, Stream]:
        """The streams as listed."""
        return self.skills
