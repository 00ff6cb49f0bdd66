"""What can be said of a scene: dense captions and forms of requests, to teach a language model the world."""

import numpy as np

from veggie_pl.data.shapes.edits import (
    Addition,
    BackgroundChange,
    Changing,
    Edit,
    FeatureChange,
    Grounding,
    Reasoning,
    Stylization,
)
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS

Form = dict[str, str]  # slot -> one word

SLOTS = (
    "skill",
    "color",
    "shape",
    "texture",
    "size",
    "column",
    "row",
    "motion",
    "new color",
    "new shape",
    "new texture",
    "look",
    "place",
    "fill",
)
NOTHING = "none"
CELLS = 8  # places are told as column and row of a grid of this many cells a side


def where(thing: Thing) -> str:
    """Column and row of its centre in the first frame, such as "3 5"."""
    x, y = thing.start
    return f"{min(int(x * CELLS), CELLS - 1)} {min(int(y * CELLS), CELLS - 1)}"


def describe(thing: Thing, num_frames: int) -> str:
    """One thing: colour, shape, texture, place, size and, if there is time, motion."""
    words = f"{thing.color} {thing.shape} {thing.texture} at {where(thing)} {thing.size}"
    return words if num_frames == 1 else f"{words} {thing.motion.name} {thing.motion.pace}".strip()


def caption(scene: Scene, num_frames: int) -> str:
    """Everything in the scene, things from left to right."""
    things = sorted(scene.things, key=lambda thing: thing.start)
    return "; ".join([*(describe(thing, num_frames) for thing in things), BACKGROUNDS[scene.background.kind]])


def request_form(edit: Edit, scene: Scene, num_frames: int) -> list[Form]:
    """What is asked, as a form of ``SLOTS`` for every frame; ``NOTHING`` where a slot does not apply.

    The first slots tell the skill and the thing that the edit is about as it is in the scene, or, if it is to be added,
    where it will be; the others tell what it becomes.
    """
    form = dict.fromkeys(SLOTS, NOTHING) | {"skill": edit.skill.value}
    subject = None if edit.subject is None else scene.things[edit.subject]
    if subject is not None:
        form |= {"color": subject.color, "shape": subject.shape, "texture": subject.texture, "size": subject.size}
    new: Thing | None = None
    match edit:
        case Addition():
            new = subject = edit.thing
            form |= {"place": edit.place.split()[-1]}
        case Changing() | FeatureChange():
            new = edit.new
        case BackgroundChange():
            form |= {"look": BACKGROUNDS[edit.background.kind].split()[1]}
        case Stylization():
            form |= {"look": edit.style}
        case Grounding() | Reasoning():
            form |= {"fill": edit.fill}
    if new is not None:
        form |= {"new color": new.color, "new shape": new.shape, "new texture": new.texture}
    if subject is None:
        return [form] * num_frames
    if num_frames > 1:
        form |= {"motion": subject.motion.name}
    cells = np.clip(subject.path(num_frames) * CELLS, 0, CELLS - 1).astype(int)
    return [form | {"column": str(x), "row": str(y)} for x, y in cells]
