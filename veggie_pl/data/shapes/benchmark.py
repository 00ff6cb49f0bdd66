"""Moving Shapes as a benchmark: one stream per skill."""

from typing import Literal

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Benchmark, Measures
from veggie_pl.data.shapes.naming import SEEN_SKILLS
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, Stream


class ShapesBenchmark(Benchmark):
    """All skills of Moving Shapes, or the named ones; other arguments are those of ``ShapesRecords``.

    Its objects are found by ``veggie_pl.experts.shape_detector.ShapeDetector``, which ``measures`` names.
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
        measures: Measures | None = None,
        length: int | None = None,
        wording: Literal["templates", "written"] = "templates",
        naming: Literal["named", "seen"] = "named",
        shadows: bool = False,
    ) -> None:
        self.measures, self.wording, self.naming, self.shadows = measures, wording, naming, shadows
        world = (num_frames, size, num_objects, vocabulary, length)
        names = skills or [skill.value for skill in (SEEN_SKILLS if naming == "seen" else Skill)]
        self.records = {
            name: ShapesRecords(split, seed, {name: 1.0}, *world, wording, naming=naming, shadows=shadows)
            for name in names
        }
        self._settings = (split, seed, skills, *world[:-1], measures, length)

    def streams(self) -> dict[str, Stream]:
        """One stream per skill, by the skill's name."""
        kinds: dict[str, type[Stream]] = {Skill.GROUNDING: GroundingStream, Skill.REASONING: ReasoningStream}
        return {name: kinds.get(name, EditingStream)(records) for name, records in self.records.items()}

    def in_written_words(self) -> "ShapesBenchmark":
        """Return the same scenes and edits, asked for in written wordings."""
        return ShapesBenchmark(*self._settings, wording="written", naming=self.naming, shadows=self.shadows)
