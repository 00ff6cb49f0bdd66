"""Pairs of pictures and of clips for the tests of synthesis."""

import numpy as np

from veggie_pl.batch import Example, Skill
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.synthesis.protocols import Description, Frames, Lifted, Picture, Still
from veggie_pl.video.clip import to_frames

WORDS = Description("a scene", "a scene, edited", "The camera moves.")


def textured(height: int = 48, width: int = 64, seed: int = 0) -> Picture:
    """Smooth texture that flow can follow."""
    rows, columns = np.mgrid[:height, :width] / 8
    waves = [np.sin(rows * a + columns * b + c + seed) for a, b, c in ((1, 0.6, 0), (0.4, -1, 1), (-0.7, 0.9, 2))]
    return np.asarray(np.stack(waves, -1) * 80 + 128, dtype=np.uint8)


def still_of(source: Picture, target: Picture, skill: Skill = Skill.CHANGING, key: str = "k") -> Still:
    return Still(Example(key, skill, "make it red", "box"), source, target, "d")


def boxed(height: int = 48, width: int = 64) -> Still:
    """A texture, and the same with a red box."""
    source = textured(height, width)
    target = source.copy()
    target[height // 3 : height * 2 // 3, width // 3 : width // 2] = (220, 20, 30)
    return still_of(source, target)


def shapes_still(skill: Skill, index: int = 0, size: int = 64, split: str = "train") -> Still:
    """A still of Moving Shapes."""
    record = ShapesRecords(split, 0, {skill.value: 1.0}, 1, size, (2, 3))[index]  # type: ignore[arg-type]
    assert record.target is not None
    return Still(record.example, to_frames(record.source)[0], to_frames(record.target)[0], "d")


def lifted_of(still: Still, source: Frames, target: Frames) -> Lifted:
    return Lifted(still, WORDS, source, target, 8.0)
