"""The four steps that lift a pair of pictures into a pair of clips, each behind a protocol of one method.

A step is a function of what it is given and of its seed: it may be run again, anywhere and in any order. What it cannot
do with one item is an ``ItemError``, which is counted with the item. Pixels are RGB bytes, as files hold them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from veggie_pl.batch import Example
from veggie_pl.errors import UseError

Picture = UInt8[np.ndarray, "h w 3"]
Frames = UInt8[np.ndarray, "f h w 3"]
Homographies = tuple[tuple[float, ...], ...]  # per frame nine numbers, row by row, in shares of width and height


class ItemError(UseError):
    """Why a step could not do one item; the others go on."""


@dataclass(frozen=True)
class Still:
    """An image-edit pair, as a prepared table holds it, both pictures of one size."""

    example: Example  # its key names the item; its instruction is never empty
    source: Picture
    target: Picture
    digest: str  # of the pixels and of the example's facts


@dataclass(frozen=True)
class Description:
    """What the first step says of a pair: the source, the edited picture, and how things should move."""

    caption: str
    edited_caption: str
    motion: str
    replies: tuple[str, ...] = ()  # raw, of a model


@dataclass(frozen=True)
class Animation:
    """A picture set in motion; the first frame is the picture."""

    frames: Frames
    fps: float
    motion: Mapping[str, object] = field(default_factory=dict)  # JSON by which the class moves another picture


@dataclass(frozen=True)
class Lifted:
    """A pair of clips, before it is judged."""

    still: Still
    description: Description
    source: Frames
    target: Frames
    fps: float


@dataclass(frozen=True)
class Assessment:
    """What is measured of a lifted pair, and which rules it breaks; kept if it breaks none."""

    values: Mapping[str, float]  # NaN where undefined
    rejected: tuple[str, ...] = ()  # names of rules, in the order of the config
    notes: Mapping[str, object] = field(default_factory=dict)  # plain JSON, such as a judge's raw replies


class Step(Protocol):
    """What all four have: a name for outputs made by it."""

    @property
    def digest(self) -> str:
        """Name class, parameters and, of a model, the content of its folder: the key of the store."""
        ...


@runtime_checkable
class Describer(Step, Protocol):
    """Step 1: captions and an animation prompt."""

    def describe(self, still: Still, seed: int) -> Description:
        """Describe a pair of pictures."""
        ...


@runtime_checkable
class Animator(Step, Protocol):
    """Step 2: image to video."""

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Set the source picture in motion."""
        ...


@runtime_checkable
class Propagator(Step, Protocol):
    """Step 3: the edited picture carried along a video."""

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        """Return the edited clip, as many frames of the same size as the animation has."""
        ...


@runtime_checkable
class Assessor(Step, Protocol):
    """Step 4: measures and the filter."""

    def assess(self, lifted: Lifted) -> Assessment:
        """Measure a lifted pair and name the rules that it breaks."""
        ...
