"""Questions with one right answer, and the scenes that are built for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from veggie_pl.data.shapes.sampling import (
    Pair,
    World,
    pick,
    place_things,
    sample_background,
    sample_pairs,
    sample_thing,
)
from veggie_pl.data.shapes.scene import Motion, Scene, Thing, make_motion
from veggie_pl.data.shapes.vocabulary import DIRECTIONS, SPEEDS
from veggie_pl.errors import UseError

Question = tuple[Scene, int, str, str]  # scene, index of the answer, kind, question
Drafts = tuple[list[Thing], int]  # things, index of the answer

WORDS = {  # {end}: " at the end" in clips; {other}: another thing
    "largest": "Which object is the largest?",
    "smallest": "Which object is the smallest?",
    "leftmost": "Which object is furthest to the left{end}?",
    "rightmost": "Which object is furthest to the right{end}?",
    "highest": "Which object is the highest{end}?",
    "lowest": "Which object is the lowest{end}?",
    "left_of": "Which object is to the left of the {other}{end}?",
    "right_of": "Which object is to the right of the {other}{end}?",
    "above": "Which object is above the {other}{end}?",
    "below": "Which object is below the {other}{end}?",
    "odd_color": "Which object has a different color from the others?",
    "odd_shape": "Which object has a different shape from the others?",
    "fastest": "Which object moves the fastest?",
    "static": "Which object does not move?",
    "moving_left": "Which object is moving left?",
    "moving_right": "Which object is moving right?",
    "moving_up": "Which object is moving up?",
    "moving_down": "Which object is moving down?",
    "towards": "Which object is moving towards the {other}?",
    "hidden": "Which object is hidden for a while?",
}
PLACE_MARGIN = 0.08  # least difference of the centres where an order of places is asked for, as a share of the frame
CROSSING = 0.6  # frame widths that a hiding thing moves in a clip: enough to come and go
ORDERS = {  # kind -> (axis, sign): the answer is the first along that direction
    "leftmost": (0, 1),
    "rightmost": (0, -1),
    "highest": (1, 1),
    "lowest": (1, -1),
    "left_of": (0, 1),
    "right_of": (0, -1),
    "above": (1, 1),
    "below": (1, -1),
}


def askable(world: World) -> list[str]:
    """The kinds of question that this world can answer."""
    return [kind for kind in world.vocabulary.questions if _can_ask(kind, world)]


def _can_ask(kind: str, world: World) -> bool:
    if kind not in WORDS:
        raise UseError(f"unknown question {kind!r}; the choices are {', '.join(WORDS)}")
    if kind in ORDERS:
        return True
    if kind in ("largest", "smallest"):
        return len(world.vocabulary.sizes) > 1
    if kind.startswith("odd"):
        return world.num_objects[1] >= 3
    if kind == "hidden":
        return world.num_frames >= 3 and len(world.vocabulary.sizes) > 1
    if kind.startswith("moving"):
        return kind.removeprefix("moving_") in world.motions
    return bool(world.motions)


def sample_question(rng: np.random.Generator, world: World) -> Question:
    """A scene, the index of the thing that answers, the kind of the question and the question in words."""
    scene, index, kind, other = sample_about(rng, world, askable(world))
    end = " at the end" if world.num_frames > 1 else ""
    return scene, index, kind, WORDS[kind].format(end=end, other=other)


def sample_about(rng: np.random.Generator, world: World, kinds: Sequence[str]) -> tuple[Scene, int, str, str]:
    """A scene, the one thing in it that answers, the kind of question, and the phrase of another thing it asks about.

    Args:
        rng: All chance.
        world: What it is built of.
        kinds: Some of those that are ``askable``.
    """
    kind = pick(rng, kinds)
    build = _BUILDERS.get(kind, _ordered if kind in ORDERS else _moving)
    while True:
        for things, index, other in build(rng, world, kind):
            return Scene(sample_background(rng, world), tuple(things)), index, kind, other


Built = Iterator[tuple[list[Thing], int, str]]  # nothing, if the draw does not fit; else things, answer, other's phrase


def _count(rng: np.random.Generator, world: World, least: int = 2) -> int:
    low, high = max(world.num_objects[0], least), world.num_objects[1]
    return low + int(rng.random() * (high - low + 1))


def _draft(rng: np.random.Generator, world: World, count: int) -> Drafts:
    """Things that are not yet placed; the answer has a pair of the world's focus."""
    first = pick(rng, world.focus)
    pairs = sample_pairs(rng, world, first, count - 1)
    index = int(rng.random() * count)
    pairs.insert(index, first)
    return [sample_thing(rng, world, pair) for pair in pairs], index


def _placed(rng: np.random.Generator, things: list[Thing], index: int) -> Built:
    placed = place_things(rng, things)
    if placed is not None:
        yield placed, index, ""


def _sized(rng: np.random.Generator, world: World, kind: str) -> Built:
    """One extreme size against the other: in between, a star of a larger size has less area than a square."""
    things, index = _draft(rng, world, _count(rng, world))
    small, large = world.vocabulary.sizes[0], world.vocabulary.sizes[-1]
    own, others = (large, small) if kind == "largest" else (small, large)
    things = [replace(thing, size=own if i == index else others) for i, thing in enumerate(things)]
    yield from _placed(rng, things, index)


def _ordered(rng: np.random.Generator, world: World, kind: str) -> Built:
    """Places in the last frame; next to the extreme thing stands the one that a relation is about."""
    things, _ = _draft(rng, world, _count(rng, world))
    axis, sign = ORDERS[kind]
    for placed, _, _ in _placed(rng, things, 0):
        ends = [sign * float(thing.path(2)[-1, axis]) for thing in placed]
        order = sorted(range(len(placed)), key=ends.__getitem__)
        first, second = order[:2]
        relation = kind in ("left_of", "right_of", "above", "below")
        clear = ends[second] - ends[first] >= PLACE_MARGIN
        clear &= not relation or len(order) == 2 or ends[order[2]] - ends[second] >= PLACE_MARGIN
        if clear and (placed[first].shape, placed[first].color) in world.focus:
            yield placed, first, placed[second].phrase


def _odd(rng: np.random.Generator, world: World, kind: str) -> Built:
    """All others share what the answer has not."""
    which = 1 if kind == "odd_color" else 0
    first = pick(rng, world.focus)
    others: list[Pair] = [pair for pair in world.pairs if pair[which] != first[which]]
    shared = pick(rng, sorted({pair[which] for pair in others}))
    group = [pair for pair in others if pair[which] == shared]
    count = _count(rng, world, least=3) - 1
    if len(group) < count:
        return
    pairs = [group[i] for i in rng.permutation(len(group))[:count]]
    index = int(rng.random() * (count + 1))
    pairs.insert(index, first)
    yield from _placed(rng, [sample_thing(rng, world, pair) for pair in pairs], index)


def _moving(rng: np.random.Generator, world: World, kind: str) -> Built:
    """Motions dealt so that one thing alone fits the question."""
    things, index = _draft(rng, world, _count(rng, world))
    own, others = _motions(world, kind)
    things = [replace(thing, motion=pick(rng, own if i == index else others)) for i, thing in enumerate(things)]
    yield from _placed(rng, things, index)


def _motions(world: World, kind: str) -> tuple[list[Motion], list[Motion]]:
    """What the answer may do, and what the others may do."""
    moving = [make_motion(name, pace) for name in world.motions for pace in SPEEDS]
    every = [Motion(), *moving]
    if kind == "static":
        return [Motion()], moving
    if kind == "fastest":
        return [motion for motion in moving if motion.pace == "fast"], [
            motion for motion in every if motion.pace != "fast"
        ]
    direction = kind.removeprefix("moving_")
    return [motion for motion in moving if motion.direction == direction], [
        motion for motion in every if motion.direction != direction
    ]


def _towards(rng: np.random.Generator, world: World, kind: str) -> Built:
    """A small thing goes straight for one at rest and stops short of it; nothing else comes nearer to that one."""
    things, index = _draft(rng, world, _count(rng, world))
    other = (index + 1) % len(things)
    names = [name for name in world.motions if name in DIRECTIONS]
    motion = make_motion(pick(rng, names), "slowly")
    answer = replace(things[index], size=world.vocabulary.sizes[0], motion=motion)
    goal = replace(things[other], motion=Motion())
    ahead = np.asarray(motion.velocity) + np.asarray(DIRECTIONS[motion.name]) * (answer.reach + goal.reach + 0.03)
    low = np.maximum(goal.reach, answer.reach + np.maximum(ahead, 0))
    high = 1 - np.maximum(goal.reach, answer.reach - np.minimum(ahead, 0))
    at = low + (high - low) * rng.random(2)
    start = at - ahead
    if (high < low).any():
        return
    answer = replace(answer, start=(float(start[0]), float(start[1])))
    goal = replace(goal, start=(float(at[0]), float(at[1])))
    rest = [thing for i, thing in enumerate(things) if i not in (index, other)]
    placed = place_things(rng, rest, (answer, goal))
    if placed is None or any(_comes_nearer(thing, goal) for thing in placed):
        return
    for i, thing in sorted([(index, answer), (other, goal)], key=lambda item: item[0]):
        placed.insert(i, thing)
    yield placed, index, goal.phrase


def _comes_nearer(thing: Thing, goal: Thing) -> bool:
    away = np.hypot(*(thing.path(8) - goal.path(8)).T)
    return bool(away.min() < away[0] - 0.01)


def _hidden(rng: np.random.Generator, world: World, kind: str) -> Built:
    """A large thing crosses in front of a small one at rest and covers it wholly in a middle frame."""
    first = pick(rng, world.focus)
    fronts = [pair for pair in world.pairs if pair[0] in ("circle", "square") and pair != first]
    front = pick(rng, fronts)
    pairs = [pair for pair in sample_pairs(rng, world, first, _count(rng, world)) if pair != front]
    pairs = pairs[: _count(rng, world) - 2]
    answer = replace(sample_thing(rng, world, first), size=world.vocabulary.sizes[0], motion=Motion())
    name = pick(rng, [name for name in world.motions if name in DIRECTIONS])
    step = np.asarray(DIRECTIONS[name], float) * CROSSING
    motion = Motion(name, velocity=(float(step[0]), float(step[1])), pace="fast")
    cover = replace(sample_thing(rng, world, front), size=world.vocabulary.sizes[-1], motion=motion)
    met = (world.num_frames // 2) / (world.num_frames - 1)  # clip time of the middle frame
    low = cover.reach + np.maximum(0, step * met) - np.minimum(0, step * (1 - met))
    high = 1 - cover.reach + np.minimum(0, step * met) - np.maximum(0, step * (1 - met))
    at = low + (high - low) * rng.random(2)
    start = at - step * met
    answer = replace(answer, start=(float(at[0]), float(at[1])))
    cover = replace(cover, start=(float(start[0]), float(start[1])))
    placed = place_things(rng, [sample_thing(rng, world, pair) for pair in pairs], (answer, cover))
    if placed is not None:
        index = int(rng.random() * (len(placed) + 1))
        placed.insert(index, answer)
        yield [*placed, cover], index, ""


_BUILDERS: dict[str, Callable[[np.random.Generator, World, str], Built]] = {
    "largest": _sized,
    "smallest": _sized,
    "odd_color": _odd,
    "odd_shape": _odd,
    "towards": _towards,
    "hidden": _hidden,
}
