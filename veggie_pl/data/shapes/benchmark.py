"""Moving Shapes as a benchmark: one stream per skill."""

from typing import Literal

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, Stream


class ShapesBenchmark(Benchmark):
    """All eight skills of Moving Shapes; the arguments are those of ``ShapesRecords``."""

    def __init__(
        self,
        split: Literal["train", "val", "test"] = "test",
        seed: int = 0,
        num_frames: int = 8,
        size: int = 32,
        num_objects: tuple[int, int] = (1, 3),
        vocabulary: str = "small",
    ) -> None:
        self.records = {
            skill: ShapesRecords(split, seed, {skill.value: 1.0}, num_frames, size, num_objects, vocabulary)
            for skill in Skill
        }

    def streams(self) -> dict[str, Stream]:
        """One stream per skill, by the skill's name."""
        kinds: dict[Skill, type[Stream]] = {Skill.GROUNDING: GroundingStream, Skill.REASONING: ReasoningStream}
        return {skill.value: kinds.get(skill, EditingStream)(records) for skill, records in self.records.items()}
