"""Each answer is found again from the question's words and the scene, by rules of their own."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Reasoning
from veggie_pl.data.shapes.questions import WORDS
from veggie_pl.data.shapes.render import silhouette
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import MOVING_QUESTIONS, SIZES, STILL_QUESTIONS

FRAMES = 8
Found = list[bool]


def track(thing: Thing, frames: int) -> np.ndarray:
    """Centres by small steps of the velocity: not how the scene computes them."""
    steps = 2000
    times = np.arange(steps) / steps + 0.5 / steps
    motion = thing.motion
    velocity = np.asarray(motion.velocity) + times[:, None] * np.asarray(motion.acceleration)
    turn = 2 * np.pi * motion.radius * np.stack([-np.sin(2 * np.pi * times), np.cos(2 * np.pi * times)], 1)
    way = np.concatenate([np.zeros((1, 2)), np.cumsum((velocity + turn) / steps, 0)])
    return np.asarray(thing.start) + way[np.linspace(0, steps, frames).round().astype(int)]


def answers(question: str, scene: Scene, frames: int) -> Found:
    """Which things fit the question."""
    things = scene.things
    paths = [track(thing, frames) for thing in things]
    ends = np.asarray([path[-1] for path in paths])
    ways = np.asarray([path[-1] - path[0] for path in paths])
    lengths = np.asarray([np.hypot(*np.diff(track(thing, 200), axis=0).T).sum() for thing in things])
    rules: list[tuple[str, Callable[[re.Match[str]], Found]]] = [
        (r"the largest", lambda m: [SIZES[t.size] == max(SIZES[o.size] for o in things) for t in things]),
        (r"the smallest", lambda m: [SIZES[t.size] == min(SIZES[o.size] for o in things) for t in things]),
        (r"furthest to the left", lambda m: list(ends[:, 0] < ends[:, 0].min() + 0.05)),
        (r"furthest to the right", lambda m: list(ends[:, 0] > ends[:, 0].max() - 0.05)),
        (r"the highest", lambda m: list(ends[:, 1] < ends[:, 1].min() + 0.05)),
        (r"the lowest", lambda m: list(ends[:, 1] > ends[:, 1].max() - 0.05)),
        (r"to the left of the (.+?)(?: at the end)?\?", lambda m: list(ends[:, 0] < ends[named(m)][0] - 0.05)),
        (r"to the right of the (.+?)(?: at the end)?\?", lambda m: list(ends[:, 0] > ends[named(m)][0] + 0.05)),
        (r"above the (.+?)(?: at the end)?\?", lambda m: list(ends[:, 1] < ends[named(m)][1] - 0.05)),
        (r"below the (.+?)(?: at the end)?\?", lambda m: list(ends[:, 1] > ends[named(m)][1] + 0.05)),
        (r"different color", lambda m: odd([thing.color for thing in things])),
        (r"different shape", lambda m: odd([thing.shape for thing in things])),
        (r"moves the fastest", lambda m: list(lengths > 0.6 * lengths.max())),
        (r"does not move", lambda m: list(lengths < 0.05)),
        (r"moving left", lambda m: list((ways[:, 0] < -0.1) & (np.abs(ways[:, 1]) < 0.05))),
        (r"moving right", lambda m: list((ways[:, 0] > 0.1) & (np.abs(ways[:, 1]) < 0.05))),
        (r"moving up", lambda m: list((ways[:, 1] < -0.1) & (np.abs(ways[:, 0]) < 0.05))),
        (r"moving down", lambda m: list((ways[:, 1] > 0.1) & (np.abs(ways[:, 0]) < 0.05))),
        (r"towards the (.+?)\?", lambda m: [nearing(path, paths[named(m)]) for path in paths]),
        (r"hidden for a while", lambda m: [hides(scene, i, frames) for i in range(len(things))]),
    ]

    def named(match: re.Match[str]) -> int:
        (index,) = [i for i, thing in enumerate(things) if thing.phrase == match.group(1)]
        return index

    for pattern, rule in rules:
        if match := re.search(pattern, question):
            return [bool(value) for value in rule(match)]
    raise AssertionError(question)


def odd(values: list[str]) -> Found:
    counts = Counter(values)
    assert sorted(counts.values()) == [1, len(values) - 1]
    return [counts[value] == 1 for value in values]


def nearing(path: np.ndarray, goal: np.ndarray) -> bool:
    away = np.hypot(*(path - goal).T)
    return away[0] - away[-1] > 0.05


def hides(scene: Scene, index: int, frames: int) -> bool:
    alone = silhouette(Scene(scene.background, (scene.things[index],)), 0, 32, frames).sum((1, 2))
    seen = silhouette(scene, index, 32, frames).sum((1, 2)) / alone
    return bool(seen.min() < 0.15 and seen[0] > 0.5 and seen[-1] > 0.5)


@pytest.mark.parametrize("vocabulary", ["small", "large"])
@pytest.mark.parametrize(("split", "frames"), [("train", 1), ("train", FRAMES), ("test", FRAMES)])
def test_question_has_one_answer_and_it_is_the_right_one(split: str, frames: int, vocabulary: str) -> None:
    records = ShapesRecords(split, 0, {"reasoning": 1.0}, frames, vocabulary=vocabulary)  # type: ignore[arg-type]
    kinds = Counter()
    for i in range(400):
        scene, edit = records.scene(i)
        assert isinstance(edit, Reasoning)
        fitting = [j for j, fits in enumerate(answers(edit.question, scene, frames)) if fits]
        assert fitting == [edit.index], (i, edit.question, scene)
        kinds[edit.kind] += 1
    expected = set(STILL_QUESTIONS) | (set(MOVING_QUESTIONS) if frames > 1 else set())
    assert set(kinds) == expected
    assert min(kinds.values()) > 100 / len(expected)


def test_questions_fit_four_objects() -> None:
    records = ShapesRecords("train", 0, {"reasoning": 1.0}, FRAMES, num_objects=(4, 4))
    for i in range(100):
        scene, edit = records.scene(i)
        assert isinstance(edit, Reasoning)
        assert len(scene.things) == 4
        assert sum(answers(edit.question, scene, FRAMES)) == 1


def test_questions_that_cannot_be_asked_are_not() -> None:
    records = ShapesRecords("train", 0, {"reasoning": 1.0}, 2, num_objects=(1, 2))
    kinds = {records.scene(i)[1].kind for i in range(400)}  # type: ignore[attr-defined]
    assert kinds == set(WORDS) - {"odd_color", "odd_shape", "hidden"}  # three things; a frame to hide in


def test_hidden_thing_still_has_a_mask() -> None:
    records = ShapesRecords("train", 0, {"reasoning": 1.0}, FRAMES)
    hidden = [i for i in range(400) if records.scene(i)[1].kind == "hidden"]  # type: ignore[attr-defined]
    assert len(hidden) > 5
    for i in hidden:
        mask = records[i].mask
        assert mask[0].any()
        assert mask[FRAMES // 2].sum() <= 0.15 * mask[0].sum()
