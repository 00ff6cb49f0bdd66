"""What an example contains: the one definition that data, model, metrics and callbacks share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
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


class Example(NamedTuple):
    """The facts of one example. No other place lists them.

    Columns of tables, lists of batches and what is told of a missing sample are derived from these fields. It is a
    named tuple: Lightning rebuilds tuples when it moves a batch to a device, and refuses frozen dataclasses.

    Args:
        key: Names it for ever; unique in its data set, e.g. "mevis/train/0a2b/3".
        skill: What is asked.
        instruction: What the model is told. None until a stream has worded it from the phrase.
        phrase: What it is about: an object's name, which a detector looks for, or the question.
        fill: Grounding, reasoning: name of the mask colour, a key of ``masks.colors.COLORS``. Empty: a stream chooses.
        place: Addition: box in which the centre of the new object must lie.
        start: First second of the source video that counts.
        stop: Last second; 0 is the end.
        caption: What the edited result shows, in a sentence; empty where nobody wrote one. Only measures read it.
        source_caption: What the source shows.
        checklist: Yes-or-no questions about the edited result, worded so that yes is right.
        stream: Where it was drawn from: a name in the mixture, or "val/..." and "test/..." of a held-out set.
        row: Of that stream; -1 before it is drawn.
    """

    key: str
    skill: Skill
    instruction: str | None = None
    phrase: str = ""
    fill: str = ""
    place: Box | None = None
    start: float = 0.0
    stop: float = 0.0
    caption: str = ""
    source_caption: str = ""
    checklist: tuple[str, ...] = ()
    stream: str = ""
    row: int = -1


class ClipNames(NamedTuple):
    """What the clips of an example are made of, in short: equal names, equal pixels, by which caches know a clip.

    Args:
        source: Of files, frames and size: examples about one clip share it. Empty: nobody can tell.
        target: Of all that the example is made of.
    """

    source: str = ""
    target: str = ""


@dataclass(frozen=True)
class Sample:
    """One example as the model learns it: video in, instruction, video out."""

    example: Example  # with an instruction
    source: Clip
    target: Clip | None  # None only in benchmarks that have no exact answers
    mask: Mask  # where the answer differs from the source: the changed region, or the object to point at
    names: ClipNames = field(default_factory=ClipNames)


class MissingSample(NamedTuple):
    """What a sample that cannot be read leaves behind: a position that counts nothing, and nothing in its stead."""

    stream: str  # as in ``Example``
    row: int
    key: str
    reason: str
    bucket: str = ""  # frames, height and width that its clips should have had, e.g. "8x64x64"


Numbered = tuple[int, Sample | MissingSample]  # with its position in the mixture (fit) or in the split


@dataclass(slots=True)  # without other attributes: nobody sets a list that is derived
class Batch:
    """Samples of equal shape, stacked; lists run over ``b``.

    Facts of the examples read as lists: ``batch.skill`` is the skill of each.
    """

    source: Clips
    target: Clips | None  # None where no sample has one
    mask: Masks
    examples: list[Example]
    index: Int[Tensor, " b"]  # position in the mixture (fit) or in the split (test), on the host: seeds all chance
    missing: list[MissingSample | None] = field(default_factory=list)  # where one is, clips and facts are filling
    names: list[ClipNames] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names, self.missing = self.names or [ClipNames()] * len(self), self.missing or [None] * len(self)

    def __len__(self) -> int:
        return len(self.examples)

    def __getattr__(self, name: str) -> list[Any]:
        """Return one fact of all examples."""
        if name not in Example._fields:
            raise AttributeError(f"a batch has no {name!r}; its examples have {', '.join(Example._fields)}")
        return [getattr(example, name) for example in self.examples]

    @property
    def is_missing(self) -> Bool[Tensor, " b"]:
        """Which samples are missing: their loss counts nothing."""
        return torch.tensor([one is not None for one in self.missing], dtype=torch.bool, device=self.source.device)

    @property
    def good(self) -> list[int]:
        """Rows of the samples that are there."""
        return [row for row, missing in enumerate(self.missing) if missing is None]

    @property
    def missing_samples(self) -> list[tuple[int, MissingSample]]:
        """What is missing, with its position."""
        return [(int(self.index[row]), one) for row, one in enumerate(self.missing) if one is not None]

    def without(self, found: Mapping[int, MissingSample]) -> Batch:
        """Return the batch with some rows missing, filled as ``collate`` fills them."""
        rest = [row for row in self.good if row not in found]
        skill = self.examples[rest[0]].skill if rest else Skill.ADDITION
        missing = {row: one for row, one in enumerate(self.missing) if one is not None} | dict(found)
        left = self._each(lambda value: value.clone() if isinstance(value, Tensor) else list(value))
        for row, one in missing.items():
            filling = _filling(one, tuple(self.source.shape[1:]), skill)
            left.source[row], left.mask[row] = filling.source, filling.mask
            if left.target is not None and filling.target is not None:
                left.target[row] = filling.target
            left.examples[row], left.missing[row], left.names[row] = filling.example, one, filling.names
        return left

    def to(self, device: torch.device) -> Batch:
        """Return the batch with its clips on a device; what the host asks stays on the host.

        Copies from pinned memory go on while the host does.
        """
        return self._clips(lambda value: value.to(device, non_blocking=value.is_pinned()))

    def pin_memory(self) -> Batch:
        """Return the batch with its clips in pinned memory: what a ``DataLoader`` calls where it is told to pin."""
        return self._clips(lambda value: value.pin_memory())

    def _clips(self, change: Callable[[Tensor], Tensor]) -> Batch:
        target = None if self.target is None else change(self.target)
        return replace(self, source=change(self.source), target=target, mask=change(self.mask))

    def rows(self, chosen: list[int]) -> Batch:
        """Return a batch of some of the samples."""
        return self._each(lambda value: value[chosen] if isinstance(value, Tensor) else [value[row] for row in chosen])

    def _each(self, change: Callable[[Any], Any]) -> Batch:
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        values |= {name: change(value) for name, value in values.items() if value is not None}
        return Batch(**values)


def collate(samples: list[Numbered]) -> Batch:
    """Stack (index, sample) pairs; missing ones are filled with gray, in the shape of the others.

    Raises:
        UseError: If the clips differ in frames or size, or some have a target and some have none; the message names
            both examples. If all are missing and none knows its shape.
    """
    good = [sample for _, sample in samples if isinstance(sample, Sample)]
    if good:
        first, shape = good[0], tuple(good[0].source.shape)
    else:
        first, shape = None, _shape([one for _, one in samples if isinstance(one, MissingSample)])
    whole = []
    for _, sample in samples:
        if isinstance(sample, MissingSample):
            sample = _filling(sample, shape, Skill.ADDITION if first is None else first.example.skill)
            sample = sample if first is None or first.target is not None else replace(sample, target=None)
        elif first is not None and sample.source.shape != first.source.shape:
            raise UseError(
                f"a batch needs clips of one shape, but {first.example.key} is {tuple(first.source.shape)} and "
                f"{sample.example.key} is {tuple(sample.source.shape)} (frames, 3, height, width)"
            )
        elif first is not None and (sample.target is None) != (first.target is None):
            with_target, without = (first, sample) if sample.target is None else (sample, first)
            raise UseError(f"{with_target.example.key} has a target, but {without.example.key} of one batch has none")
        whole.append(sample)
    targets = [sample.target for sample in whole if sample.target is not None]
    return Batch(
        source=stack([sample.source for sample in whole]),
        target=stack(targets) if targets else None,
        mask=stack([sample.mask for sample in whole]),
        examples=[sample.example for sample in whole],
        index=torch.tensor([index for index, _ in samples]),
        missing=[one if isinstance(one, MissingSample) else None for _, one in samples],
        names=[sample.names for sample in whole],
    )


def is_blank(text: str) -> bool:
    """Tell whether nothing of a text can be seen: spaces, control characters, letters of no width."""
    return all(unicodedata.category(letter)[0] in "CZ" or letter in _EMPTY for letter in text)


def stack(tensors: list[Tensor]) -> Tensor:
    """As ``torch.stack``; in a process that makes samples, into the memory that the training process reads."""
    if get_worker_info() is None:
        return torch.stack(tensors)
    first = tensors[0]
    storage = torch.UntypedStorage._new_shared(len(tensors) * first.numel() * first.element_size())  # type: ignore[no-untyped-call]
    out = first.new_empty(0).set_(storage).view(len(tensors), *first.shape)
    return torch.stack(tensors, out=out)


def _shape(missing: list[MissingSample]) -> tuple[int, ...]:
    """Shape of the clips that are missing, by the name of their bucket."""
    for one in missing:
        if found := re.fullmatch(r"(\d+)x(\d+)x(\d+)", one.bucket):
            frames, height, width = (int(number) for number in found.groups())
            return frames, 3, height, width
    first = missing[0]
    raise UseError(
        f"no sample of a batch can be read (the first: {first.key}: {first.reason}), and the stream {first.stream!r} "
        f"does not tell the shape of its clips: its bucket is {first.bucket!r}, not frames x height x width"
    )


def _filling(one: MissingSample, shape: tuple[int, ...], skill: Skill) -> Sample:
    gray = torch.zeros(shape)
    example = Example(one.key, skill, "missing", fill="red", stream=one.stream, row=one.row)
    return Sample(example, gray, gray, torch.zeros(shape[0], *shape[2:], dtype=torch.bool), ClipNames("gray", "gray"))


def per_skill(given: dict[str, Any], default: Any, what: str) -> dict[str, Any]:
    """Return a value for every skill and for "default"; what is not named takes the default.

    Raises:
        UseError: If a name is no skill; the message names the choices.
    """
    choices = [*Skill, "default"]
    if unknown := [name for name in given if name not in choices]:
        raise UseError(f"{what} names {unknown}; the choices are {[str(name) for name in choices]}")
    return {name: given.get(name, given.get("default", default)) for name in choices}
