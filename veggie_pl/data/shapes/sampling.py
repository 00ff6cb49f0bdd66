"""Random scenes: which things, how they move, and where they fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from veggie_pl.data.shapes.backgrounds import DRIFT
from veggie_pl.data.shapes.scene import CHECKS, Background, Motion, Thing, displacement, make_motion
from veggie_pl.data.shapes.vocabulary import SPEEDS, Vocabulary, is_held_out

T = TypeVar("T")
Pair = tuple[str, str]  # shape, colour

CANDIDATES = 24  # places tried at once
CLEARANCE = 0.04  # between things of one colour, as a share of the frame
SHARED = 0.7  # how often a further thing shares its shape or its colour with the first
TEXTURED = 0.25  # how often a thing has a texture other than plain
MOVING = 0.7  # how often a thing moves, in clips


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.random() * len(options))]


@dataclass(frozen=True)
class World:
    """What the scenes of one split may contain.

    Args:
        vocabulary: The names.
        pairs: (shape, colour) of things in general.
        focus: (shape, colour) of the thing an edit is about.
        num_objects: Fewest and most things in a source.
        num_frames: 1 makes still scenes.
    """

    vocabulary: Vocabulary
    pairs: tuple[Pair, ...]
    focus: tuple[Pair, ...]
    num_objects: tuple[int, int]
    num_frames: int
    motions: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        moving = tuple(name for name in self.vocabulary.motions if name != "static")
        object.__setattr__(self, "motions", moving if self.num_frames > 1 else ())


def make_world(vocabulary: Vocabulary, split: str, num_objects: tuple[int, int], num_frames: int) -> World:
    """The world of a split: train and val never see held-out pairs, test edits are about them."""
    every = tuple((shape, color) for shape in vocabulary.shapes for color in vocabulary.colors)
    held_out = tuple(pair for pair in every if is_held_out(vocabulary, *pair))
    seen = tuple(pair for pair in every if not is_held_out(vocabulary, *pair))
    if split == "test":
        return World(vocabulary, every, held_out, num_objects, num_frames)
    return World(vocabulary, seen, seen, num_objects, num_frames)


def sample_background(rng: np.random.Generator, world: World) -> Background:
    """Any kind, in any phase, drifting either way."""
    kind = pick(rng, world.vocabulary.backgrounds)
    if not DRIFT[kind]:
        return Background(kind)
    return Background(kind, phase=round(rng.random(), 3), speed=DRIFT[kind] * pick(rng, (-1, 1)))


def sample_motion(rng: np.random.Generator, world: World) -> Motion:
    """At rest or any of the world's motions."""
    if not world.motions or rng.random() >= MOVING:
        return Motion()
    return make_motion(pick(rng, world.motions), pick(rng, tuple(SPEEDS)))


def sample_thing(rng: np.random.Generator, world: World, pair: Pair) -> Thing:
    """A thing of this shape and colour, not yet placed."""
    plain, *others = world.vocabulary.textures
    texture = pick(rng, others) if others and rng.random() < TEXTURED else plain
    return Thing(*pair, texture, pick(rng, world.vocabulary.sizes), sample_motion(rng, world))


def sample_pairs(rng: np.random.Generator, world: World, first: Pair, count: int) -> list[Pair]:
    """``count`` pairs unlike the first and each other, often sharing its shape or colour so that both words matter."""
    chosen = [first]
    while len(chosen) <= count:
        free = [pair for pair in world.pairs if pair not in chosen]
        near = [pair for pair in free if (pair[0] == first[0]) != (pair[1] == first[1])]
        chosen.append(pick(rng, near if near and rng.random() < SHARED else free))
    return chosen[1:]


def place_things(rng: np.random.Generator, things: Sequence[Thing], fixed: Sequence[Thing] = ()) -> list[Thing] | None:
    """Give each thing a start so that it stays in the frame and all keep apart; None if a draw of places fails.

    Args:
        rng: Draws the places.
        things: To be placed, in this order.
        fixed: Placed already.
    """
    for gap in (1.05, 1.0, 0.95, 0.9, 0.85, 0.8):
        placed = list(fixed)
        paths = [thing.path(CHECKS) for thing in fixed]
        for thing in things:
            moved = displacement(thing.motion, CHECKS)
            low, high = thing.reach - moved.min(0), 1 - thing.reach - moved.max(0)
            starts = low + (high - low) * rng.random((CANDIDATES, 2), np.float32)
            tried = starts[:, None] + moved  # (candidates, checks, 2)
            free = np.ones(CANDIDATES, bool)
            for other, path in zip(placed, paths, strict=True):
                away = tried - path
                closest = np.einsum("kfc,kfc->kf", away, away).min(1)
                apart = thing.radius + other.radius
                if thing.color == other.color:  # two outlines in one colour would read as one
                    apart = thing.reach + other.reach + CLEARANCE
                free &= closest >= (gap * apart) ** 2
            best = int(free.argmax())
            if not free[best]:
                break
            placed.append(replace(thing, start=(float(starts[best, 0]), float(starts[best, 1]))))
            paths.append(tried[best])
        else:
            return placed[len(fixed) :]
    return None
