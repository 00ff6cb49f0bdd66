"""What can be said of a scene and of an edit: answers that a language model can learn from."""

from veggie_pl.data.shapes.edits import Addition, Edit, Reasoning
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS

COLUMNS = ("left", "center", "right")
ROWS = ("top", "middle", "bottom")


def cell(thing: Thing) -> str:
    """Where the thing is in the first frame, as a cell of a 3 x 3 grid, e.g. "top left"."""
    x, y = (min(max(int(3 * share), 0), 2) for share in thing.start)
    return f"{ROWS[y]} {COLUMNS[x]}"


def motion_words(thing: Thing) -> str:
    """How it moves, e.g. "static", "moves left slowly", "speeds up right fast", "circles"."""
    motion = thing.motion
    if motion.name == "static":
        return "static"
    if motion.name == "circle":
        return "circles"
    verb = "speeds up" if motion.name.startswith("accelerate") else "moves"
    return f"{verb} {motion.direction} {motion.pace}"


def describe(thing: Thing, num_frames: int) -> str:
    """Size, texture, colour, shape, place and, in a clip, motion."""
    words = f"{thing.size} {thing.texture} {thing.color} {thing.shape} {cell(thing)}"
    return words if num_frames == 1 else f"{words} {motion_words(thing)}"


def caption(scene: Scene, num_frames: int) -> str:
    """All that is seen: every thing from left to right, the background, the style."""
    things = sorted(scene.things, key=lambda thing: thing.start)
    words = [describe(thing, num_frames) for thing in things] + [BACKGROUNDS[scene.background.kind]]
    return " ; ".join([*words, f"{scene.style} style"] if scene.style else words)


def parsed_edit(edit: Edit, scene: Scene) -> str:
    """What is asked, in a fixed form: skill ; thing ; where it is now ; what comes of it.

    A question is parsed into its answer, so that whoever writes the parse has to have looked.
    """
    parts = [edit.skill.value]
    if edit.subject is not None:
        thing = scene.things[edit.subject]
        parts += [thing.phrase, cell(thing)]
    slots = edit.slots(scene)
    if isinstance(edit, Addition):
        parts += [slots["phrase"], slots["place"]]
    elif isinstance(edit, Reasoning):
        parts.append(edit.fill)
    else:
        parts += [value for name, value in slots.items() if name != "phrase"]
    return " ; ".join(parts)
