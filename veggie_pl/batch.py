"""What an example contains: the one definition that data, model, metrics and callbacks share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Clip = Float[Tensor, "f 3 h w"]  # RGB in [-1, 1]; an image is a clip with f = 1
Clips = Float[Tensor, "b f 3 h w"]
Mask = Bool[Tensor, "f h w"]
Masks = Bool[Tensor, "b f h w"]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of width and height, in [0, 1]


class Skill(StrEnum):
    """The eight skills of VEG-Bench; ``title`` is the authors' name."""

    ADDITION = "addition"
    REMOVAL = "removal"
    CHANGING = "changing"
    BACKGROUND = "background"
    VISUAL_FEATURE = "visual_feature"
    STYLIZATION = "stylization"
    GROUNDING = "grounding"
    REASONING = "reasoning"

    @property
    def title(self) -> str:  # type: ignore[override]
        """The name used in the paper's tables."""
        return _TITLES[self]

    @property
    def is_painted(self) -> bool:
        """Whether the answer is the source with one region filled by a colour."""
        return self in (Skill.GROUNDING, Skill.REASONING)


_TITLES = {
    Skill.ADDITION: "Concept Addition",
    Skill.REMOVAL: "Concept Removal",
    Skill.CHANGING: "Object Changing",
    Skill.BACKGROUND: "Environment & Background Changing",
    Skill.VISUAL_FEATURE: "Visual Feature Changing",
    Skill.STYLIZATION: "Stylization",
    Skill.GROUNDING: "Object Grounding",
    Skill.REASONING: "Reasoning Segmentation",
}


@dataclass(frozen=True)
class Sample:
    """One example: video in, instruction, video out."""

    source: Clip
    target: Clip
    mask: Mask  # where the answer differs from the source: the changed region, or the object to point at
    instruction: str
    skill: Skill
    key: str  # names the example for ever, e.g. "shapes/test/0/41"
    fill: str = ""  # grounding, reasoning: name of the fill colour, a key of ``painting.COLORS``
    phrase: str = ""  # addition, removal: what a detector looks for, e.g. "red circle"
    place: Box | None = None  # addition: where the centre of that thing must lie


@dataclass
class Batch:
    """Samples of equal shape, stacked; lists run over ``b``."""

    source: Clips
    target: Clips
    mask: Masks
    instruction: list[str]
    skill: list[Skill]
    key: list[str]
    fill: list[str]
    phrase: list[str]
    place: list[Box | None]
    index: Int[Tensor, " b"]  # position in the mixture (fit) or in the split (test): seeds all chance of the example

    def __len__(self) -> int:
        return len(self.key)


def collate(samples: list[tuple[int, Sample]]) -> Batch:
    """Stack (index, sample) pairs.

    Raises:
        ValueError: If the clips differ in frames or size; the message names both examples.
    """
    first = samples[0][1]
    for _, sample in samples:
        if sample.source.shape != first.source.shape:
            raise ValueError(
                f"a batch needs clips of one shape, but {first.key} is {tuple(first.source.shape)} and "
                f"{sample.key} is {tuple(sample.source.shape)} (frames, 3, height, width)"
            )
    columns = {field.name: [getattr(sample, field.name) for _, sample in samples] for field in fields(Sample)}
    for name in ("source", "target", "mask"):
        columns[name] = torch.stack(columns[name])  # type: ignore[assignment]
    return Batch(index=torch.tensor([index for index, _ in samples]), **columns)  # type: ignore[arg-type]
