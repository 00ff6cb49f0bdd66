"""Things named by what is seen: exactly one fits, and no word tells its colour or shape."""

import re
from collections import Counter

import numpy as np
import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesBenchmark, ShapesRecords
from veggie_pl.data.shapes.edits import Changing, FeatureChange
from veggie_pl.data.shapes.naming import NAMES, SEEN_SKILLS, sample_seen
from veggie_pl.data.shapes.questions import WORDS
from veggie_pl.data.shapes.sampling import make_world
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import VOCABULARIES, find_vocabulary, is_held_out

ORDERED = {  # what is smallest of the thing that is meant
    "largest": lambda thing: -thing.radius,
    "smallest": lambda thing: thing.radius,
    "furthest to the left": lambda thing: thing.path(2)[-1, 0],
    "furthest to the right": lambda thing: -thing.path(2)[-1, 0],
    "that is highest": lambda thing: thing.path(2)[-1, 1],
    "that is lowest": lambda thing: -thing.path(2)[-1, 1],
}
BESIDE = {"to the left of": (0, 1), "to the right of": (0, -1), "above": (1, 1), "below": (1, -1)}


def fitting(name: str, scene: Scene) -> list[int]:
    """Which things of a scene a name fits, read from its words by a rule of its own."""
    things = scene.things
    for words, value in ORDERED.items():
        if words in name:
            values = [value(thing) for thing in things]
            return [i for i, one in enumerate(values) if one == min(values)]
    for words, (axis, sign) in BESIDE.items():
        if found := re.search(rf"{words} the (.+?)( at the end)?$", name):
            (other,) = (thing for thing in things if thing.phrase == found[1])
            place = sign * other.path(2)[-1, axis]
            return [i for i, thing in enumerate(things) if sign * thing.path(2)[-1, axis] < place - 0.04]
    if found := re.search(r"whose (color|shape) differs", name):
        count = Counter(getattr(thing, found[1]) for thing in things)
        return [i for i, thing in enumerate(things) if count[getattr(thing, found[1])] == 1]
    if "moves the fastest" in name:
        return best([thing.motion.pace == "fast" for thing in things])
    if "does not move" in name:
        return best([thing.motion.name == "static" for thing in things])
    if found := re.search("is moving towards the (.+)$", name):
        (goal,) = (thing for thing in things if thing.phrase == found[1])
        return best([thing is not goal and comes_nearer(thing, goal) for thing in things])
    if found := re.search(r"is moving (\w+)$", name):
        return best([thing.motion.direction == found[1] for thing in things])
    assert "hidden" in name
    return best([any(covers(other, thing) for other in things[i + 1 :]) for i, thing in enumerate(things)])


def best(fits: list[bool]) -> list[int]:
    return [i for i, one in enumerate(fits) if one]


def comes_nearer(thing: Thing, goal: Thing) -> bool:
    away = np.hypot(*(thing.path(8) - goal.path(8)).T)
    return bool(away.min() < away[0] - 0.01)


def covers(front: Thing, thing: Thing) -> bool:
    away = np.hypot(*(front.path(8) - thing.path(8)).T)
    return bool(away.min() < 0.02 and front.radius > thing.radius)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("num_frames", [1, 8])
def test_name_fits_one_thing_and_tells_neither_its_colour_nor_its_shape(
    num_frames: int, split: str, vocabulary: str
) -> None:
    options = {"num_frames": num_frames, "vocabulary": vocabulary, "num_objects": (1, 4)}
    records = ShapesRecords(split, naming="seen", **options)  # type: ignore[arg-type]
    for i in range(200):
        scene, edit, instruction = records.draw(i)
        assert edit.subject is not None
        thing = scene.things[edit.subject]
        assert not set(re.findall(r"\w+", instruction.lower())) & {thing.color, thing.shape}, instruction
        assert "object" in instruction


@pytest.mark.parametrize("num_frames", [1, 8])
def test_every_kind_of_name_fits_its_thing_alone(num_frames: int) -> None:
    kinds = Counter[str]()
    for vocabulary in VOCABULARIES:
        world = make_world(find_vocabulary(vocabulary), "train", (1, 4), num_frames)
        rng = np.random.default_rng(0)
        for number in range(240):
            scene, edit, name = sample_seen(rng, world, SEEN_SKILLS[number % 4])
            assert fitting(name, scene) == [edit.subject], (name, scene)
            kinds[next(kind for kind, text in NAMES.items() if fits_text(text, name))] += 1
    assert len(kinds) == (20 if num_frames > 1 else 12)


def fits_text(text: str, name: str) -> bool:
    pattern = re.escape(text).replace(r"\{other\}", r"\w+( \w+)+").replace(r"\{end\}", "( at the end)?")
    return re.fullmatch(pattern, name) is not None


def test_all_questions_have_names() -> None:
    assert NAMES.keys() == WORDS.keys()
    assert all(("{other}" in NAMES[kind]) == ("{other}" in WORDS[kind]) for kind in NAMES)


def test_test_edits_are_about_held_out_pairs() -> None:
    words = VOCABULARIES["small"]
    records = ShapesRecords("test", num_frames=1, naming="seen")
    for i in range(120):
        scene, edit = records.scene(i)
        assert edit.subject is not None
        thing = edit.new if isinstance(edit, Changing | FeatureChange) else scene.things[edit.subject]
        assert is_held_out(words, thing.shape, thing.color)


def test_seen_names_are_of_other_clips_and_four_skills() -> None:
    seen, named = (ShapesRecords("test", num_frames=1, size=16, naming=how) for how in ("seen", "named"))  # type: ignore[arg-type]
    assert {seen.scene(i)[1].skill for i in range(40)} == set(SEEN_SKILLS)
    assert not {seen.names(i) for i in range(20)} & {named.names(i) for i in range(20)}
    record = next(record for i in range(20) if (record := seen[i]).example.skill is Skill.REMOVAL)
    assert record.example.phrase not in (record.example.instruction or "")  # a detector is told what it is
    bench = ShapesBenchmark("test", num_frames=1, size=16, naming="seen")
    assert list(bench.streams()) == [skill.value for skill in SEEN_SKILLS]
    assert bench.in_written_words().streams()["removal"][0].example.key.startswith("shapes_seen/")
    with pytest.raises(ValueError, match="name nothing that is seen; the choices are removal, changing"):
        ShapesRecords("test", skills={"background": 1.0}, naming="seen")
    with pytest.raises(ValueError, match="at least two objects"):
        ShapesRecords("test", num_objects=(1, 1), naming="seen")
