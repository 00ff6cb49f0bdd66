"""The eight skills of Moving Shapes, one stream each."""

from typing import Literal

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, Stream

_STREAMS: dict[Skill, type[Stream]] = {Skill.GROUNDING: GroundingStream, Skill.REASONING: ReasoningStream}


class ShapesBenchmark(Benchmark):
    """Held-out Moving Shapes.

    Args:
        split: "val" (seen compositions and wordings) or "test" (held-out ones).
        seed: Another seed is another data set.
        skills: Which skills; None is all eight.
        num_frames: See ``ShapesRecords``.
        size: See ``ShapesRecords``.
        num_objects: See ``ShapesRecords``.
        vocabulary: See ``ShapesRecords``.
    """

    def __init__(
        self,
        split: Literal["train", "val", "test"] = "test",
        seed: int = 0,
        skills: list[str] | None = None,
        num_frames: int = 8,
        size: int = 32,
        num_objects: tuple[int, int] = (1, 3),
        vocabulary: str = "small",
    ) -> None:
        self.records = {
            Skill(skill): ShapesRecords(split, seed, {skill: 1.0}, num_frames, size, num_objects, vocabulary)
            for skill in (skills or list(Skill))
        }

    def streams(self) -> dict[str, Stream]:
        """One stream per skill."""
        return {str(skill): _STREAMS.get(skill, EditingStream)(records) for skill, records in self.records.items()}
