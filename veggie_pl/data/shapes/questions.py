"""Questions whose answer is one thing of a scene: about looks, relations and time."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from veggie_pl.data.shapes.sampling import TRIES, choose, sample_scene
from veggie_pl.data.shapes.scene import CLIP, Scene, Thing
from veggie_pl.data.shapes.vocabulary import Vocabulary

CLEAR = 0.08  # lead, as a share of the picture's side, by which an answer must win to be beyond doubt


@dataclass(frozen=True)
class Question:
    """A question and the rule that answers it.

    Args:
        text: Without question mark; ``{other}`` names another thing of the scene.
        scores: Score of each thing, of which the answer has the highest by ``CLEAR``; a thing at minus infinity is out.
        needs_time: Whether a still picture cannot answer it.
        needs: Attributes to set on the first things, so that such a scene is not rare.
        min_things: Things the question needs to be one.
    """

    text: str
    scores: Callable[[list[Thing], int], np.ndarray]
    needs_time: bool = False
    needs: tuple[dict[str, object], ...] = ()
    min_things: int = 2
    about_last: bool = False  # `{other}` is the last thing


def _starts(things: list[Thing]) -> np.ndarray:
    return np.asarray([(thing.x, thing.y) for thing in things])


def _ends(things: list[Thing]) -> np.ndarray:
    return np.asarray([thing.path(CLIP)[-1] for thing in things])


def _still_place(axis: int, sign: float) -> Callable[[list[Thing], int], np.ndarray]:
    """Where a thing is, if it is there for the whole clip: the worst of its places counts."""

    def scores(things: list[Thing], num_frames: int) -> np.ndarray:
        paths = np.asarray([thing.path(num_frames)[:, axis] for thing in things]) * sign  # (n, f)
        lead = np.asarray([(paths[i] - np.delete(paths, i, 0).max(0)).min() for i in range(len(things))])
        return np.where(lead > CLEAR, 1.0, 0.0)

    return scores


def _left_of_last(sign: float, at_end: bool) -> Callable[[list[Thing], int], np.ndarray]:
    def scores(things: list[Thing], num_frames: int) -> np.ndarray:
        paths = np.asarray([thing.path(num_frames)[:, 0] for thing in things]) * sign  # (n, f)
        lead = (paths[-1] - paths)[:, -1] if at_end else (paths[-1] - paths).min(1)
        beyond = (paths[-1] - paths).max(1)
        # One thing is clearly on that side, and no other is at any time near it.
        result = np.where(lead > CLEAR, 1.0, np.where(beyond < 0.0, 0.0, 0.95))
        result[-1] = 0.0
        return result

    return scores


def _odd(attribute: str) -> Callable[[list[Thing], int], np.ndarray]:
    def scores(things: list[Thing], num_frames: int) -> np.ndarray:
        values = [getattr(thing, attribute) for thing in things]
        counts = [values.count(value) for value in values]
        is_odd = len(set(values)) == 2 and max(counts) == len(things) - 1
        return np.asarray([1.0 if is_odd and count == 1 else 0.0 for count in counts])

    return scores


def _towards_last(things: list[Thing], num_frames: int) -> np.ndarray:
    start = np.hypot(*(_starts(things) - _starts(things)[-1]).T)
    end = np.hypot(*(_ends(things) - _ends(things)[-1]).T)
    closer = start - end
    closer[-1] = -np.inf
    return closer if things[-1].motion == "static" else np.zeros(len(things))


def _hidden(things: list[Thing], num_frames: int) -> np.ndarray:
    """Whose centre comes to lie inside a thing drawn after it, while it shows at the start and at the end."""
    result = np.zeros(len(things))
    paths = [thing.path(num_frames) for thing in things]
    for i, thing in enumerate(things):
        for other, path in list(zip(things, paths, strict=True))[i + 1 :]:
            distance = np.hypot(*(paths[i] - path).T)
            apart = thing.radius + other.radius
            if distance.min() < 0.05 and min(distance[0], distance[-1]) > 0.6 * apart and thing.radius < other.radius:
                result[i] = 1.0
    return result


QUESTIONS: dict[str, Question] = {
    "largest": Question(
        "Which one is the largest",
        lambda t, f: np.asarray([x.radius for x in t]) * 2,
        needs=({"size": "large"}, {"size": "small"}, {"size": "small"}, {"size": "small"}),
    ),
    "smallest": Question(
        "Which one is the smallest",
        lambda t, f: -np.asarray([x.radius for x in t]) * 2,
        needs=({"size": "small"}, {"size": "large"}, {"size": "large"}),
    ),
    "leftmost": Question("Which one is furthest to the left", _still_place(0, -1.0)),
    "rightmost": Question("Which one is furthest to the right", _still_place(0, 1.0)),
    "highest": Question("Which one is at the very top", _still_place(1, -1.0)),
    "lowest": Question("Which one is at the very bottom", _still_place(1, 1.0)),
    "odd_color": Question("Which one has a different color from the others", _odd("color"), min_things=3),
    "odd_shape": Question("Which one has a different shape from the others", _odd("shape"), min_things=3),
    "striped": Question(
        "Which one has stripes",
        lambda t, f: np.asarray([float(x.texture == "striped") for x in t]),
        needs=({"texture": "striped"}, *({"texture": "plain"},) * 3),
    ),
    "left_of": Question("Which one is to the left of the {other}", _left_of_last(1.0, False), about_last=True),
    "right_of": Question("Which one is to the right of the {other}", _left_of_last(-1.0, False), about_last=True),
    "fastest": Question(
        "Which one is the fastest",
        lambda t, f: np.asarray([x.pace for x in t]),
        True,
        ({"speed": "fast"}, *({"speed": "slow"},) * 3),
    ),
    "static": Question(
        "Which one does not move", lambda t, f: -np.asarray([x.pace for x in t]), True, ({"motion": "static"},)
    ),
    "only_mover": Question(
        "Which one is the only one that moves",
        lambda t, f: np.asarray([float(x.pace > 0) for x in t]),
        True,
        ({}, *({"motion": "static"},) * 3),
    ),
    **{
        f"moving_{way}": Question(
            f"Which one is moving {text}",
            lambda t, f, way=way: np.asarray([float(x.motion == way) for x in t]),
            True,
            ({"motion": way},),
        )
        for way, text in (("left", "to the left"), ("right", "to the right"), ("up", "upwards"), ("down", "downwards"))
    },
    "towards": Question("Which one is moving towards the {other}", _towards_last, True, about_last=True),
    "left_at_end": Question(
        "Which one is to the left of the {other} at the end", _left_of_last(1.0, True), True, about_last=True
    ),
    "hidden": Question("Which one is hidden for a while", _hidden, True),
}


def answer(scene: Scene, name: str, num_frames: int) -> int | None:
    """Which thing answers the question beyond doubt; None if none does."""
    things = list(scene.things)
    question = QUESTIONS[name]
    if len(things) < question.min_things:
        return None
    scores = question.scores(things, num_frames)
    order = np.argsort(-scores, kind="stable")
    if scores[order[0]] - scores[order[1]] < CLEAR - 1e-9 or not np.isfinite(scores[order[0]]):
        return None
    if question.scores(things, num_frames)[order[0]] == 0 and name not in ("static", "smallest"):
        return None
    if name == "static" and things[order[0]].pace != 0:
        return None
    return int(order[0])


def sample_question(
    rng: np.random.Generator, words: Vocabulary, num_things: tuple[int, int], held_out: bool, num_frames: int
) -> tuple[Scene, str, int]:
    """A scene, a question and the number of the thing that answers it, which is held out if asked for.

    The question is drawn first, each alike; then scenes, until one has an answer beyond doubt.
    """
    names = [name for name, question in QUESTIONS.items() if num_frames > 1 or not question.needs_time]
    while True:
        name = choose(rng, names)
        question = QUESTIONS[name]
        low = max(num_things[0], question.min_things)
        for _ in range(TRIES):
            scene = (
                _hiding(rng, words, (low, max(low, num_things[1])), held_out)
                if name == "hidden"
                else sample_scene(
                    rng, words, (low, max(low, num_things[1])), held_out, [dict(need) for need in question.needs]
                )
            )
            which = answer(scene, name, num_frames)
            if which == 0:  # the first thing is the one whose composition is held out
                return scene, name, which
            if which is not None and not held_out and not (question.about_last and which == len(scene.things) - 1):
                return scene, name, which


def text(scene: Scene, name: str) -> str:
    """The question in words, without question mark."""
    return QUESTIONS[name].text.format(other=scene.things[-1].phrase)


def _hiding(rng: np.random.Generator, words: Vocabulary, num_things: tuple[int, int], held_out: bool) -> Scene:
    """A small thing that passes behind a large one at half time; the large one has a shape that hides it."""
    fixed: list[dict[str, object]] = [
        {"size": "small", "motion": choose(rng, ["left", "right", "up", "down"]), "speed": "fast"},
        {"size": "large", "motion": "static"},
        *({"motion": "static"},) * 2,
    ]
    while True:
        scene = sample_scene(rng, words, num_things, held_out, fixed)
        first, screen, *others = scene.things
        x, y = first.path(CLIP)[CLIP // 2 - 1 : CLIP // 2 + 1].mean(0)
        screen = replace(screen, x=float(x), y=float(y))
        if screen.shape in ("circle", "square") and all(
            np.hypot(*(thing.path(1)[0] - (x, y))) > thing.radius + screen.radius for thing in others
        ):
            return replace(scene, things=(first, *others, screen))
