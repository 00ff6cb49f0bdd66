"""Random edits: a scene and what is asked of it, one function per skill."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.backgrounds import DRIFT
from veggie_pl.data.shapes.edits import (
    PLACES,
    Addition,
    BackgroundChange,
    Changing,
    Edit,
    FeatureChange,
    Grounding,
    Reasoning,
    Removal,
    Stylization,
)
from veggie_pl.data.shapes.questions import sample_question
from veggie_pl.data.shapes.sampling import (
    Pair,
    World,
    pick,
    place_things,
    sample_background,
    sample_pairs,
    sample_thing,
)
from veggie_pl.data.shapes.scene import Background, Motion, Scene, Thing, make_motion
from veggie_pl.data.shapes.vocabulary import COLORS
from veggie_pl.masks.colors import COLORS as FILLS

SceneEdit = tuple[Scene, Edit]

ANCHORS = {  # where added things are put, when they do not move: instructions say no more than the place
    "on the left": (0.25, 0.5),
    "on the right": (0.75, 0.5),
    "at the top": (0.5, 0.25),
    "at the bottom": (0.5, 0.75),
    "in the middle": (0.5, 0.5),
}
ALONG = {  # the ways in which a thing can move and stay in its place
    "on the left": ("up", "down"),
    "on the right": ("up", "down"),
    "at the top": ("left", "right"),
    "at the bottom": ("left", "right"),
    "in the middle": (),
}
ADDED_MOVING = 0.25  # how often an added thing moves, in clips
FILL_CONTRAST = 1.0  # least distance between a fill and the filled thing's colour, in [-1, 1] RGB


def sample_edit(rng: np.random.Generator, world: World, skill: Skill) -> SceneEdit:
    """A scene and an edit of this skill."""
    return _SAMPLERS[skill](rng, world)


def sample_fill(rng: np.random.Generator, world: World, thing: Thing) -> str:
    """A fill that can be told from the thing's own colour."""
    own = np.asarray(COLORS[thing.color]) * 2 - 1
    return pick(rng, [fill for fill in world.vocabulary.fills if np.linalg.norm(own - FILLS[fill]) >= FILL_CONTRAST])


def _scene(rng: np.random.Generator, world: World, pairs: list[Pair], fixed: tuple[Thing, ...] = ()) -> Scene:
    """A scene of things with these pairs that leaves room for the fixed ones; things are in the order of the pairs."""
    while True:
        things = place_things(rng, [sample_thing(rng, world, pair) for pair in pairs], fixed)
        if things is not None:
            return Scene(sample_background(rng, world), tuple(things))


def _count(rng: np.random.Generator, world: World) -> int:
    low, high = world.num_objects
    return low + int(rng.random() * (high - low + 1))


def _about(rng: np.random.Generator, world: World, focus: tuple[Pair, ...]) -> tuple[Scene, int]:
    """A scene with one thing of ``focus`` among others, at any place of the drawing order."""
    first = pick(rng, focus)
    others = sample_pairs(rng, world, first, _count(rng, world) - 1)
    index = int(rng.random() * (len(others) + 1))
    return _scene(rng, world, [*others[:index], first, *others[index:]]), index


def _addition(rng: np.random.Generator, world: World) -> SceneEdit:
    first = pick(rng, world.focus)
    low, high = world.num_objects  # holds for source and target, where both can
    count = low + int(rng.random() * (high - low)) if high > low else low - 1
    place = pick(rng, tuple(PLACES))
    motion, start = Motion(), ANCHORS[place]
    if world.motions and ALONG[place] and rng.random() < ADDED_MOVING:
        motion = make_motion(pick(rng, ALONG[place]), "slowly")
        start = (start[0] - motion.velocity[0] / 2, start[1] - motion.velocity[1] / 2)
    thing = replace(sample_thing(rng, world, first), size=world.vocabulary.new_size, motion=motion, start=start)
    return _scene(rng, world, sample_pairs(rng, world, first, count), (thing,)), Addition(thing, place)


def _removal(rng: np.random.Generator, world: World) -> SceneEdit:
    scene, index = _about(rng, world, world.focus)
    return scene, Removal(index)


def _changing(rng: np.random.Generator, world: World) -> SceneEdit:
    while True:
        scene, index = _about(rng, world, world.pairs)
        old = scene.things[index]
        present = {(thing.shape, thing.color) for thing in scene.things}
        free = [pair for pair in world.focus if pair not in present and pair[0] != old.shape]
        if free:
            shape, color = pick(rng, free)
            new = replace(old, shape=shape, color=color, texture=world.vocabulary.textures[0])
            if new.stays_in_frame():  # points reach farther than what was there
                return scene, Changing(index, new)


def _background(rng: np.random.Generator, world: World) -> SceneEdit:
    scene, _ = _about(rng, world, world.pairs)
    kind = pick(rng, [kind for kind in world.vocabulary.backgrounds if kind != scene.background.kind])
    return scene, BackgroundChange(Background(kind, speed=DRIFT[kind]))


def _visual_feature(rng: np.random.Generator, world: World) -> SceneEdit:
    textures = world.vocabulary.textures
    if len(textures) > 1 and rng.random() < 0.35:
        scene, index = _about(rng, world, world.focus)
        old = scene.things[index]
        texture = pick(rng, [texture for texture in textures if texture != old.texture])
        return scene, FeatureChange(index, replace(old, texture=texture))
    while True:
        scene, index = _about(rng, world, world.pairs)
        old = scene.things[index]
        present = {(thing.shape, thing.color) for thing in scene.things}
        free = [color for shape, color in world.focus if shape == old.shape and (shape, color) not in present]
        if free:
            return scene, FeatureChange(index, replace(old, color=pick(rng, free)))


def _stylization(rng: np.random.Generator, world: World) -> SceneEdit:
    scene, _ = _about(rng, world, world.pairs)
    return scene, Stylization(pick(rng, world.vocabulary.styles))


def _grounding(rng: np.random.Generator, world: World) -> SceneEdit:
    scene, index = _about(rng, world, world.focus)
    return scene, Grounding(index, sample_fill(rng, world, scene.things[index]))


def _reasoning(rng: np.random.Generator, world: World) -> SceneEdit:
    scene, index, kind, question = sample_question(rng, world)
    return scene, Reasoning(index, sample_fill(rng, world, scene.things[index]), kind, question)


_SAMPLERS: dict[Skill, Callable[[np.random.Generator, World], SceneEdit]] = {
    Skill.ADDITION: _addition,
    Skill.REMOVAL: _removal,
    Skill.CHANGING: _changing,
    Skill.BACKGROUND: _background,
    Skill.VISUAL_FEATURE: _visual_feature,
    Skill.STYLIZATION: _stylization,
    Skill.GROUNDING: _grounding,
    Skill.REASONING: _reasoning,
}
