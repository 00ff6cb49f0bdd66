"""Random scenes: things of distinct looks that keep apart and stay in the picture."""

from dataclasses import replace

import numpy as np

from veggie_pl.data.shapes.scene import CLIP, Scene, Thing
from veggie_pl.data.shapes.vocabulary import MOTIONS, SIZES, SPEEDS, Vocabulary

TRIES = 200


def choose(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    """One of the options; faster than ``rng.choice`` on short lists."""
    return options[int(rng.integers(len(options)))]


def looks(rng: np.random.Generator, words: Vocabulary, count: int, held_out: bool) -> list[tuple[str, str]]:
    """Distinct (shape, colour) pairs, the first held out or not as asked, the others never.

    Others share a word with the first more often than not, so that both words of a phrase matter.
    """
    seen = [(s, c) for s in words.shapes for c in words.colors if not words.is_held_out(s, c)]
    unseen = [(s, c) for s in words.shapes for c in words.colors if words.is_held_out(s, c)]
    pairs = [(unseen if held_out else seen)[int(rng.integers(len(unseen if held_out else seen)))]]
    while len(pairs) < count:
        near = [pair for pair in seen if (pair[0] == pairs[0][0]) != (pair[1] == pairs[0][1])]
        pool = near if rng.random() < 0.6 else seen
        pair = pool[int(rng.integers(len(pool)))]
        if pair not in pairs:
            pairs.append(pair)
    return pairs


def place(rng: np.random.Generator, thing: Thing, others: list[Thing]) -> Thing | None:
    """The thing at a random start from where it stays in the picture and clear of the others; None if none is found."""
    way = np.asarray(MOTIONS[thing.motion]) * thing.pace
    margin = thing.radius * 0.9
    low = np.maximum(margin - np.minimum(way, 0), margin)
    high = np.minimum(1 - margin - np.maximum(way, 0), 1 - margin)
    if (low > high).any():
        return None
    paths = [(other.path(CLIP), other.radius) for other in others]
    for start in rng.uniform(low, high, (12, 2)):
        candidate = replace(thing, x=float(start[0]), y=float(start[1]))
        path = candidate.path(CLIP)
        if all(
            np.abs(path - other).max(1).min() > 0.9 * (thing.radius + radius)
            or np.hypot(*(path - other).T).min() > 0.95 * (thing.radius + radius)
            for other, radius in paths
        ):
            return candidate
    return None


def sample_things(
    rng: np.random.Generator,
    words: Vocabulary,
    count: int,
    held_out: bool,
    fixed: list[dict[str, object]] | None = None,
) -> list[Thing]:
    """``count`` things; ``fixed[i]`` sets attributes of thing i (its place, too, if it gives x and y)."""
    for attempt in range(TRIES):
        sizes = words.sizes[: 1 if attempt > 20 else None]  # a crowd is of small things
        things: list[Thing] = []
        for i, (shape, color) in enumerate(looks(rng, words, count, held_out)):
            given = fixed[i] if fixed and i < len(fixed) else {}
            drawn = {
                "size": choose(rng, sizes),
                "texture": choose(rng, words.textures) if rng.random() < 0.4 else "plain",
                "motion": choose(rng, list(MOTIONS)),
                "speed": choose(rng, list(SPEEDS)),
            }
            thing = Thing(**{"shape": shape, "color": color, "x": 0.5, "y": 0.5, **drawn, **given})  # type: ignore[arg-type]
            placed = thing if "x" in given else place(rng, thing, things)
            if placed is None:
                break
            things.append(placed)
        if len(things) == count:
            return things
    raise ValueError(f"{count} things of sizes {[SIZES[size] for size in words.sizes]} do not fit in the picture")


def sample_scene(
    rng: np.random.Generator,
    words: Vocabulary,
    num_things: tuple[int, int],
    held_out: bool,
    fixed: list[dict[str, object]] | None = None,
) -> Scene:
    """A random scene whose first thing is the one that an instruction may speak of."""
    count = int(rng.integers(num_things[0], num_things[1] + 1))
    things = sample_things(rng, words, count, held_out, fixed)
    # Few phases, so that rendered backgrounds can be kept.
    return Scene(choose(rng, words.backgrounds), tuple(things), phase=int(rng.integers(4)) / 4)
