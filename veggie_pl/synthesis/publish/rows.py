"""From a kept pair to examples: which clip is the source of which edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from veggie_pl.batch import Example
from veggie_pl.synthesis.directions import reversed_example
from veggie_pl.synthesis.stills import Moved

Direction = Literal["forward", "reversed"]


@dataclass(frozen=True)
class PairRow:
    """One example of the new data set.

    Args:
        example: With its key there.
        direction: As the table has the edit, or backwards.
        source: Which of the two encoded clips is the source: 0, the one that was set in motion, or 1.
    """

    example: Example
    direction: Direction
    source: int

    @property
    def target(self) -> int:
        """The other clip."""
        return 1 - self.source


def rows_of(
    example: Example, name: str, split: str, directions: Sequence[Direction], moved: Moved
) -> Iterator[PairRow]:
    """Give the examples of a pair.

    Args:
        example: As the table of pictures has it, with an instruction.
        name: Of the new data set.
        split: Of the table.
        directions: Which are wanted; an edit that no words undo has none backwards.
        moved: Which picture was set in motion.
    """
    key = f"{name}/{split}/{example.key}"
    example = example._replace(key=key, start=0.0, stop=0.0)
    source = 0 if moved == "source" else 1
    if "forward" in directions:
        yield PairRow(example, "forward", source)
    if "reversed" in directions and (backwards := reversed_example(example)) is not None:
        yield PairRow(backwards, "reversed", 1 - source)
