"""What measures ask of outside models: features, similarity to text, quality and judgement, each behind a protocol.

Every expert is frozen, in float32, and looks at one clip a call: a score does not depend on what is scored beside it.
A class that configs name has to take the very types that stand here. ``Detector`` is in ``detections``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip, Skill

Vectors = Float[Tensor, "f d"]  # one of unit length per frame, float32, on the CPU
Vector = Float[Tensor, " d"]


@runtime_checkable
class FrameFeatures(Protocol):
    """Turns each frame into one vector, such as DINO or the image tower of CLIP."""

    @property
    def digest(self) -> str:
        """Name class, folder content and settings: the key of caches, and what reports tell of an expert."""
        ...

    def embed_frames(self, frames: Clip) -> Vectors:
        """Return one vector of unit length per frame, float32, on the CPU."""
        ...


@runtime_checkable
class ImageText(FrameFeatures, Protocol):
    """Puts frames and text into one space, such as CLIP or SigLIP."""

    def embed_text(self, text: str) -> Vector:
        """Return a vector of unit length, float32, on the CPU; text that is too long is cut by the tokenizer."""
        ...


@runtime_checkable
class FrameQuality(Protocol):
    """Rates the quality of a clip without a reference; higher is better."""

    @property
    def name(self) -> str:
        """How reports call it: what it is, not what it stands in for."""
        ...

    @property
    def digest(self) -> str:
        """As of ``FrameFeatures``."""
        ...

    def quality(self, frames: Clip) -> float:
        """Return one number for the clip."""
        ...


@dataclass(frozen=True)
class Question:
    """What a judge is shown."""

    key: str  # of the example
    skill: Skill
    instruction: str
    source: Clip
    edited: Clip
    checklist: tuple[str, ...] = ()  # yes/no questions whose right answer is yes


@dataclass(frozen=True)
class Judgement:
    """What a judge said, in the end and word for word."""

    scores: Mapping[str, float]  # by axis, on the judge's scale; an axis without any valid reply is absent
    replies: tuple[str, ...] = ()  # raw, in the order they were asked for
    failures: tuple[str, ...] = ()  # one line for each reply that is none or says nothing, and why
    settings: Mapping[str, Any] = field(default_factory=dict)  # prompt's version, model, repeats, order, ...


@runtime_checkable
class Judge(Protocol):
    """Rates an edit as a person would, on named axes."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    @property
    def digest(self) -> str:
        """As of ``FrameFeatures``, with the pinned prompt."""
        ...

    @property
    def axes(self) -> tuple[str, ...]:
        """What it rates, such as ("follow", "preserve", "quality")."""
        ...

    @property
    def scale(self) -> tuple[float, float]:
        """Least and greatest score of an axis, such as (1, 10)."""
        ...

    @property
    def needs_checklist(self) -> bool:
        """Whether it rates by a checklist: an example without one is not asked about."""
        ...

    def judge(self, question: Question) -> Judgement:
        """Rate one edit; a fault of the model or the server is told in ``failures``, never raised."""
        ...
