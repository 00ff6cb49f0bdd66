"""What can be said of a scene: dense captions and parsed requests, to teach a language model the world."""

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.edits import Edit, slots
from veggie_pl.data.shapes.questions import text
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS

CELLS = 8  # places are told as column and row of a grid of this many cells a side


def where(thing: Thing, frame: int = 0) -> str:
    """Column and row of its centre, such as "3 5"."""
    x, y = thing.path(frame + 1)[frame]
    return f"{min(int(x * CELLS), CELLS - 1)} {min(int(y * CELLS), CELLS - 1)}"


def describe(thing: Thing, num_frames: int) -> str:
    """One thing: size, texture, colour, shape, place and, if there is time, motion."""
    words = f"{thing.size} {thing.texture} {thing.phrase} at {where(thing)}"
    if num_frames == 1:
        return words
    return f"{words} {'static' if thing.motion == 'static' else f'{thing.motion} {thing.speed}'}"


def caption(scene: Scene, num_frames: int) -> str:
    """Everything in the scene, things from left to right."""
    things = sorted(scene.things, key=lambda thing: (thing.x, thing.y))
    return "; ".join([*(describe(thing, num_frames) for thing in things), BACKGROUNDS[scene.background]])


def parse(scene: Scene, asked: Edit | tuple[str, int], skill: Skill, num_frames: int) -> str:
    """What is asked, in canonical words: the skill, the thing as it is in the scene, what comes of it."""
    if not isinstance(asked, Edit):
        return f"{skill}: {text(scene, asked[0]).lower()}; {describe(scene.things[asked[1]], num_frames)}"
    told = slots(asked)
    things = {thing.phrase: thing for thing in scene.things}
    subject = [describe(things[asked.phrase], num_frames)] if asked.phrase in things else []
    subject = subject or ([told["phrase"]] if told["phrase"] else [])
    return f"{skill}: " + "; ".join(
        [*subject, *(told[name] for name in ("new", "place", "scene", "style") if name in told)]
    )
