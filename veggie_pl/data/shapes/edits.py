"""Edits as plain data: each turns a scene into its edited scene, and says how it is asked for."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from veggie_pl.batch import Box, Skill
from veggie_pl.data.shapes.scene import Background, Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS

PLACES: dict[str, Box] = {  # where the centre of an added thing lies
    "on the left": (0.0, 0.0, 0.4, 1.0),
    "on the right": (0.6, 0.0, 1.0, 1.0),
    "at the top": (0.0, 0.0, 1.0, 0.4),
    "at the bottom": (0.0, 0.6, 1.0, 1.0),
    "in the middle": (0.3, 0.3, 0.7, 0.7),
}


class Edit(ABC):
    """What is asked of a scene."""

    skill: ClassVar[Skill]

    def edited_scene(self, scene: Scene) -> Scene:
        """The scene after the edit; pointing at a thing leaves the scene alone."""
        return scene

    @abstractmethod
    def slots(self, scene: Scene) -> dict[str, str]:
        """What fills the slots of an instruction's wording."""

    @property
    def subject(self) -> int | None:
        """The thing of the source that the edit is about, if any."""
        return None


@dataclass(frozen=True)
class Addition(Edit):
    """A new thing in front of all others, its centre inside the place in every frame."""

    thing: Thing
    place: str  # a key of ``PLACES``
    skill = Skill.ADDITION

    def edited_scene(self, scene: Scene) -> Scene:
        """One thing more."""
        return replace(scene, things=(*scene.things, self.thing))

    def slots(self, scene: Scene) -> dict[str, str]:
        """What and where; and which way it moves, if it does."""
        phrase = self.thing.phrase
        if self.thing.motion.direction:
            phrase += f" moving {self.thing.motion.direction}"
        return {"phrase": phrase, "place": self.place}


@dataclass(frozen=True)
class _OfThing(Edit):
    index: int  # of the thing in the scene

    @property
    def subject(self) -> int:
        return self.index

    def phrase(self, scene: Scene) -> str:
        """What the thing is called; unique in the scene."""
        return scene.things[self.index].phrase

    def slots(self, scene: Scene) -> dict[str, str]:
        """The thing's name."""
        return {"phrase": self.phrase(scene)}


@dataclass(frozen=True)
class Removal(_OfThing):
    """One thing less."""

    skill = Skill.REMOVAL

    def edited_scene(self, scene: Scene) -> Scene:
        """The others, as they were."""
        return replace(scene, things=scene.things[: self.index] + scene.things[self.index + 1 :])


@dataclass(frozen=True)
class _Replacing(_OfThing):
    new: Thing

    def edited_scene(self, scene: Scene) -> Scene:
        """The new thing at the old one's place in the drawing order."""
        return replace(scene, things=(*scene.things[: self.index], self.new, *scene.things[self.index + 1 :]))


@dataclass(frozen=True)
class Changing(_Replacing):
    """Another thing with the size, path and motion of the old one."""

    skill = Skill.CHANGING

    def slots(self, scene: Scene) -> dict[str, str]:
        """Old and new name."""
        return {"phrase": self.phrase(scene), "new": self.new.phrase}


@dataclass(frozen=True)
class FeatureChange(_Replacing):
    """The same thing in another colour or another texture."""

    skill = Skill.VISUAL_FEATURE

    def slots(self, scene: Scene) -> dict[str, str]:
        """The name, and the new colour or texture."""
        old = scene.things[self.index]
        new = self.new.color if self.new.color != old.color else self.new.texture
        return {"phrase": old.phrase, "new": new}


@dataclass(frozen=True)
class BackgroundChange(Edit):
    """Other surroundings, in their standard phase and drift: instructions do not say more."""

    background: Background
    skill = Skill.BACKGROUND

    def edited_scene(self, scene: Scene) -> Scene:
        """The same things elsewhere."""
        return replace(scene, background=self.background)

    def slots(self, scene: Scene) -> dict[str, str]:
        """The new surroundings' name."""
        return {"new": BACKGROUNDS[self.background.kind]}


@dataclass(frozen=True)
class Stylization(Edit):
    """All pixels in a style."""

    style: str
    skill = Skill.STYLIZATION

    def edited_scene(self, scene: Scene) -> Scene:
        """The same scene, drawn in the style."""
        return replace(scene, style=self.style)

    def slots(self, scene: Scene) -> dict[str, str]:
        """The style's name."""
        return {"style": self.style}


@dataclass(frozen=True)
class Grounding(_OfThing):
    """Point at a thing by name."""

    fill: str
    skill = Skill.GROUNDING

    def slots(self, scene: Scene) -> dict[str, str]:
        """The thing's name and the fill."""
        return {"phrase": self.phrase(scene), "fill": self.fill}


@dataclass(frozen=True)
class Reasoning(_OfThing):
    """Point at the thing that answers a question."""

    fill: str
    kind: str  # one of the vocabulary's questions
    question: str  # in words
    skill = Skill.REASONING

    def slots(self, scene: Scene) -> dict[str, str]:
        """The question and the fill."""
        return {"question": self.question, "fill": self.fill}
