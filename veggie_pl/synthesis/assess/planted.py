"""Good pairs of clips from Moving Shapes, and the same pairs with a known fault: what a filter has to tell apart."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import cv2
import numpy as np
from jaxtyping import Float

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.seeding import numpy_rng
from veggie_pl.synthesis.animate import CameraAnimator, ParallaxAnimator, ShapesAnimator
from veggie_pl.synthesis.assess.functional import moves
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Animator, Description, Frames, ItemError, Lifted, Picture, Still
from veggie_pl.synthesis.regions import differs
from veggie_pl.video.clip import to_frames

MOTIONS = ("camera", "parallax", "world")
FAULTS = ("frozen", "drifted", "misaligned", "wrong first frame", "edit lost", "black frames", "another subject")
NUM_FRAMES = 8
_SKILLS = tuple(skill for skill in Skill if not skill.is_painted)
_OBJECTS = (2, 3)
_SEEN = 0.01  # of the pixels of some frame: a fault that changes less is none that anybody sees
Way = Float[np.ndarray, "2"]  # in shares of width and height
_WORDS = Description("a scene", "a scene, edited", "")


def stills(seed: int, size: int, skills: tuple[Skill, ...] = _SKILLS) -> Iterator[Still]:
    """Draw pairs of pictures of all skills in turn, without end.

    Args:
        seed: Of the pictures.
        size: Height and width in pixels.
        skills: Those that edit.
    """
    records = [ShapesRecords("train", seed, {skill.value: 1.0}, 1, size, _OBJECTS) for skill in skills]
    for index in count():
        record = records[index % len(records)][index]
        assert record.target is not None
        source, target = to_frames(record.source)[0], to_frames(record.target)[0]
        yield Still(record.example, source, target, f"{seed}/{index}")


def good_pairs(seed: int, size: int = 96) -> Iterator[tuple[str, Lifted]]:
    """Lift pairs of pictures by each motion in turn, without end; every other pair went through JPEG, as files do.

    Pairs of which a clip stands still, such as plain walls and what is left when the one moving thing is removed, are
    left out: whether they are good is a matter of taste.

    Returns:
        The motion's name and the pair.
    """
    animators: dict[str, Animator] = {
        "camera": CameraAnimator(NUM_FRAMES),
        "parallax": ParallaxAnimator(NUM_FRAMES),
        "world": ShapesAnimator(NUM_FRAMES, num_objects=_OBJECTS),
    }
    for number, still in enumerate(stills(seed, size)):
        motion = MOTIONS[number // len(_SKILLS) % len(MOTIONS)]
        try:
            animation = animators[motion].animate(still, _WORDS, seed * 100_003 + number)
        except ItemError:  # a crowded scene in which nothing can move
            continue
        target = SameMotion().propagate(still, _WORDS, animation, 0)
        if not (moves(animation.frames).all() and moves(target).all()):
            continue
        pair = Lifted(still, _WORDS, animation.frames, target, animation.fps)
        if number // (len(_SKILLS) * len(MOTIONS)) % 2:
            pair = replace(pair, source=_encoded(pair.source), target=_encoded(pair.target))
        yield motion, pair


def planted(fault: str, seed: int, size: int = 96) -> Iterator[Lifted]:
    """Give pairs with one fault that can be seen, without end; they are made of other good pairs than ``good_pairs``.

    Args:
        fault: One of ``FAULTS``; each comes in several ways.
        seed: Of pictures, motions and faults.
        size: Height and width in pixels.
    """
    pairs = good_pairs(seed + 50_000 + FAULTS.index(fault), size)
    rng = numpy_rng("planted pairs", fault, seed)
    _, before = next(pairs)
    for _, pair in pairs:
        bad = _PLANTERS[fault](pair, before, rng)
        before = pair
        away = [differs(one, other).mean((1, 2)).max() for one, other in _clips(bad, pair)]
        if max(away) > _SEEN:
            yield bad


def _clips(one: Lifted, other: Lifted) -> tuple[tuple[Frames, Frames], tuple[Frames, Frames]]:
    return (one.source, other.source), (one.target, other.target)


def _frozen(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Stop from the first frame or after a third of the clip: both clips, or the edited one alone."""
    last = 0 if rng.random() < 0.5 else NUM_FRAMES // 3
    still = np.minimum(np.arange(NUM_FRAMES), last)
    source = pair.source[still] if rng.random() < 0.5 else pair.source
    return replace(pair, source=source, target=pair.target[still])


def _drifted(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Let colours run away, by 40 to 80 levels at the end, or the picture creep, by 5 to 10 % of its side."""
    target = pair.target.copy()
    if rng.random() < 0.5:
        cast = rng.choice([-1, 1], 3) * (40 + 40 * rng.random(3))
        for number, frame in enumerate(target):
            frame[:] = np.clip(frame + cast * number / (NUM_FRAMES - 1), 0, 255)
    else:
        way = _way(rng, 0.05, 0.1)
        for number, frame in enumerate(target):
            frame[:] = _moved(frame, way * number / (NUM_FRAMES - 1))
    return replace(pair, target=target)


def _misaligned(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Shift all but the first frame by 5 to 10 % of the side, or let the edited clip run two or three frames late."""
    target = pair.target.copy()
    if rng.random() < 0.5:
        way = _way(rng, 0.05, 0.1)
        target[1:] = np.stack([_moved(frame, way) for frame in target[1:]])
    else:
        late = 2 + int(rng.random() * 2)
        target = target[np.maximum(np.arange(NUM_FRAMES) - late, 0)]
        target[1 : late + 1] = target[0]
    return replace(pair, target=target)


def _wrong_first(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Begin with another picture: another pair's, the unedited one, or a later frame of the clip."""
    first = (other.target[0], pair.source[0], pair.target[NUM_FRAMES // 2])[int(rng.random() * 3)]
    target = pair.target.copy()
    target[0] = first
    return replace(pair, target=target)


def _lost(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Show the source from the middle of the clip on."""
    target = pair.target.copy()
    half = NUM_FRAMES // 2 + int(rng.random() * 2)
    target[half:] = pair.source[half:]
    return replace(pair, target=target)


def _black(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Make one to three frames black, in one clip or in both."""
    clips = [pair.source.copy(), pair.target.copy()]
    start, length = 1 + int(rng.random() * (NUM_FRAMES - 3)), 1 + int(rng.random() * 3)
    for clip in (clips, clips[:1], clips[1:])[int(rng.random() * 3)]:
        clip[start : start + length] = np.rint(8 * rng.random())
    return replace(pair, source=clips[0], target=clips[1])


def _another(pair: Lifted, other: Lifted, rng: np.random.Generator) -> Lifted:
    """Go on with another pair's clip after the first frame, or from the middle on: the edited clip, or both."""
    start = 1 if rng.random() < 0.5 else NUM_FRAMES // 2
    source, target = pair.source.copy(), pair.target.copy()
    target[start:] = other.target[start:]
    if rng.random() < 0.5:
        source[start:] = other.source[start:]
    return replace(pair, source=source, target=target)


_PLANTERS: dict[str, Callable[[Lifted, Lifted, np.random.Generator], Lifted]] = {
    "frozen": _frozen,
    "drifted": _drifted,
    "misaligned": _misaligned,
    "wrong first frame": _wrong_first,
    "edit lost": _lost,
    "black frames": _black,
    "another subject": _another,
}


def _way(rng: np.random.Generator, low: float, high: float) -> Way:
    angle = 2 * np.pi * rng.random()
    return (low + (high - low) * rng.random()) * np.array([np.cos(angle), np.sin(angle)])


def _moved(frame: Picture, way: Way) -> Picture:
    height, width = frame.shape[:2]
    view = np.array([[1, 0, way[0] * width], [0, 1, way[1] * height]])
    return np.asarray(cv2.warpAffine(frame, view, (width, height), borderMode=cv2.BORDER_REFLECT_101))


def _encoded(frames: Frames) -> Frames:
    """Lose what a JPEG of quality 90 loses."""
    found = []
    for frame in frames:
        _, code = cv2.imencode(".jpg", np.ascontiguousarray(frame), [cv2.IMWRITE_JPEG_QUALITY, 90])
        found.append(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR)))
    return np.stack(found)
