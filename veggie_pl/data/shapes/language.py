"""What can be said of a scene: dense captions and parsed requests, to teach a language model the world."""

from veggie_pl.data.shapes.edits import Edit
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS

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


def parsed_edit(edit: Edit, scene: Scene, num_frames: int) -> str:
    """What is asked, in canonical words: the skill, the thing as it is in the scene, and the rest of the request."""
    subject = [] if edit.subject is None else [describe(scene.things[edit.subject], num_frames)]
    told = {name: said for name, said in edit.slots(scene).items() if name != "phrase" or not subject}
    return f"{edit.skill}: " + "; ".join([*subject, *told.values()])
