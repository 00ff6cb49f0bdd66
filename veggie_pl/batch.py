"""What an example contains: the one definition that data, model, metrics and callbacks share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import get_worker_info

from veggie_pl.errors import UseError

Clip = Float[Tensor, "f 3 h w"]  # RGB in [-1, 1]; an image is a clip with f = 1
Clips = Float[Tensor, "b f 3 h w"]
Mask = Bool[Tensor, "f h w"]
Masks = Bool[Tensor, "b f h w"]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of width and height, in [0, 1]


# Letters by their kind, and yet nothing to be seen: fillers of Hangul, and Braille's empty cell.
_EMPTY = frozenset("\u115f\u1160\u3164\uffa0\u2800")


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
    fill: str = ""  # grounding, reasoning: name of the fill colour, a key of ``masks.colors.COLORS``
    phrase: str = ""  # addition, removal: what a detector looks for, e.g. "red circle"
    place: Box | None = None  # addition: where the centre of that thing must lie


class Hole(NamedTuple):
    """What a sample that cannot be read leaves behind: a place that counts nothing, and nothing in its stead."""

    stream: str  # of the mixture; of a held-out set "val/..." or "test/..."
    row: int  # of the stream
    key: str
    reason: str
    bucket: str = ""  # frames, height and width that its clips should have had, e.g. "8x64x64"


Numbered = tuple[int, Sample | Hole]  # with its position in the mixture (fit) or in the split


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
    holes: list[Hole | None] = field(default_factory=list)  # where one is, all but ``key`` and ``index`` is filling

    def __post_init__(self) -> None:
        self.holes = self.holes or [None] * len(self.key)

    def __len__(self) -> int:
        return len(self.key)

    @property
    def hole(self) -> Bool[Tensor, " b"]:
        """Which samples are missing: their loss counts nothing."""
        return torch.tensor([hole is not None for hole in self.holes], dtype=torch.bool, device=self.source.device)

    @property
    def good(self) -> list[int]:
        """Rows of the samples that are there."""
        return [row for row, hole in enumerate(self.holes) if hole is None]

    @property
    def missing(self) -> list[tuple[int, Hole]]:
        """The holes, with their positions."""
        rows = [(row, hole) for row, hole in enumerate(self.holes) if hole is not None]
        return [(int(self.index[row]), hole) for row, hole in rows]

    def without(self, found: Mapping[int, Hole]) -> Batch:
        """The batch with holes in the place of some rows, filled as ``collate`` fills them."""
        rest = [row for row in self.good if row not in found]
        skill = self.skill[rest[0]] if rest else Skill.ADDITION
        holes = {row: hole for row, hole in enumerate(self.holes) if hole is not None} | dict(found)
        parts: dict[str, Any] = {
            name: value.clone() if isinstance(value, Tensor) else list(value) for name, value in vars(self).items()
        }
        for row, hole in holes.items():
            filling = _filling(hole, tuple(self.source.shape[1:]), skill)
            for part in fields(Sample):
                parts[part.name][row] = getattr(filling, part.name)
            parts["holes"][row] = hole
        return Batch(**parts)

    def rows(self, chosen: list[int]) -> Batch:
        """A batch of some of the samples."""
        parts: dict[str, Any] = {
            name: value[chosen] if isinstance(value, Tensor) else [value[row] for row in chosen]
            for name, value in vars(self).items()
        }
        return Batch(**parts)


def collate(samples: list[Numbered]) -> Batch:
    """Stack (index, sample) pairs; holes are filled with gray, in the shape of the others.

    Raises:
        UseError: If the clips differ in frames or size; the message names both examples. If all are holes and none
            knows its shape.
    """
    good = [sample for _, sample in samples if isinstance(sample, Sample)]
    if good:
        first, shape = good[0], tuple(good[0].source.shape)
    else:
        first, shape = None, _shape([hole for _, hole in samples if isinstance(hole, Hole)])
    whole = []
    for _, sample in samples:
        if isinstance(sample, Hole):
            sample = _filling(sample, shape, Skill.ADDITION if first is None else first.skill)
        elif first is not None and sample.source.shape != first.source.shape:
            raise UseError(
                f"a batch needs clips of one shape, but {first.key} is {tuple(first.source.shape)} and "
                f"{sample.key} is {tuple(sample.source.shape)} (frames, 3, height, width)"
            )
        whole.append(sample)
    columns = {field.name: [getattr(sample, field.name) for sample in whole] for field in fields(Sample)}
    for name in ("source", "target", "mask"):
        columns[name] = stack(columns[name])  # type: ignore[assignment]
    holes = [sample if isinstance(sample, Hole) else None for _, sample in samples]
    return Batch(index=torch.tensor([index for index, _ in samples]), **columns, holes=holes)  # type: ignore[arg-type]


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen: spaces, control characters, letters of no width."""
    return all(unicodedata.category(letter)[0] in "CZ" or letter in _EMPTY for letter in text)


def stack(tensors: list[Tensor]) -> Tensor:
    """As ``torch.stack``; in a process that makes samples, into the memory that the training process reads."""
    if get_worker_info() is None:
        return torch.stack(tensors)
    first = tensors[0]
    storage = torch.UntypedStorage._new_shared(len(tensors) * first.numel() * first.element_size())  # type: ignore[no-untyped-call]
    out = first.new_empty(0).set_(storage).view(len(tensors), *first.shape)
    return torch.stack(tensors, out=out)


def _shape(holes: list[Hole]) -> tuple[int, ...]:
    """Shape of the clips that are missing, by the name of their bucket."""
    for hole in holes:
        if found := re.fullmatch(r"(\d+)x(\d+)x(\d+)", hole.bucket):
            frames, height, width = (int(number) for number in found.groups())
            return frames, 3, height, width
    first = holes[0]
    raise UseError(
        f"no sample of a batch can be read (the first: {first.key}: {first.reason}), and the stream {first.stream!r} "
        f"does not tell the shape of its clips: its bucket is {first.bucket!r}, not frames x height x width"
    )


def _filling(hole: Hole, shape: tuple[int, ...], skill: Skill) -> Sample:
    gray = torch.zeros(shape)
    return Sample(gray, gray, torch.zeros(shape[0], *shape[2:], dtype=torch.bool), "missing", skill, hole.key, "red")


def per_skill(given: dict[str, Any], default: Any, what: str) -> dict[str, Any]:
    """A value for every skill and for "default"; what is not named takes the default.

    Raises:
        UseError: If a name is no skill; the message names the choices.
    """
    choices = [*Skill, "default"]
    if unknown := [name for name in given if name not in choices]:
        raise UseError(f"{what} names {unknown}; the choices are {[str(name) for name in choices]}")
    return {name: given.get(name, given.get("default", default)) for name in choices}
