"""Edits read backwards as training data."""

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.asking import sample_edit
from veggie_pl.data.shapes.edits import PLACES, Addition
from veggie_pl.data.shapes.reversing import sample_reversed, stays_within
from veggie_pl.data.shapes.sampling import make_world
from veggie_pl.data.shapes.scene import Thing, make_motion
from veggie_pl.data.shapes.vocabulary import SPEEDS, find_vocabulary
from veggie_pl.seeding import numpy_rng

WORLD = make_world(find_vocabulary("small"), "train", (1, 3), 8)


def records(**rates: float) -> ShapesRecords:
    return ShapesRecords("train", skills={"removal": 1.0, "addition": 1.0}, reversed_skills=rates)


def test_a_removal_takes_away_what_an_addition_brought() -> None:
    for number in range(30):
        added, addition = sample_edit(numpy_rng("x", number), WORLD, Skill.ADDITION)
        scene, removal = sample_reversed(numpy_rng("x", number), WORLD, Skill.REMOVAL)
        assert isinstance(addition, Addition)
        assert scene == addition.edited_scene(added)
        assert removal.edited_scene(scene) == added
        assert removal.slots(scene) == {"phrase": addition.thing.phrase}


def test_an_addition_brings_back_what_a_removal_took_and_can_be_said() -> None:
    for number in range(30):
        scene, edit = sample_reversed(numpy_rng("x", number), WORLD, Skill.ADDITION)
        assert isinstance(edit, Addition)
        assert 1 <= len(scene.things) <= 2  # and one more after the edit
        assert stays_within(edit.thing, PLACES[edit.place])
        assert edit.thing.motion.name in ("static", edit.thing.motion.direction)
        assert edit.thing.phrase not in [thing.phrase for thing in scene.things]


def test_a_place_holds_a_thing_all_the_time() -> None:
    thing = Thing("circle", "red", "plain", "small", make_motion("right", "slowly"), (0.3, 0.5))
    end = 0.3 + SPEEDS["slowly"]
    assert stays_within(thing, (0.29, 0.49, end + 0.01, 0.51))
    assert not stays_within(thing, (0.31, 0.0, 1.0, 1.0))
    assert not stays_within(thing, (0.0, 0.0, end - 0.01, 1.0))
    assert not stays_within(thing, (0.0, 0.0, 1.0, 0.49))


def test_the_rate_says_how_many_and_leaves_the_others() -> None:
    plain, half, whole = records(), records(removal=0.5), records(removal=1.0)
    removals = [index for index in range(400) if plain._skill(index) is Skill.REMOVAL]
    others = sorted(set(range(400)) - set(removals))
    assert all(half.draw(index) == plain.draw(index) for index in others[:40])
    changed = [index for index in removals if half.draw(index) != plain.draw(index)]
    assert len(changed) / len(removals) == pytest.approx(0.5, abs=4 * (0.25 / len(removals)) ** 0.5)
    assert all(half.draw(index) == whole.draw(index) for index in changed)  # by the same draws, at any rate
    assert [half.draw(index) for index in reversed(changed[:8])] == [whole.draw(index) for index in changed[:8]][::-1]


def test_a_reversed_clip_is_another_clip() -> None:
    plain, whole = records(), records(removal=1.0)
    index = next(index for index in range(9) if plain._skill(index) is Skill.REMOVAL)
    assert whole.names(index) != plain.names(index)
    record = whole[index]
    assert record.target is not None
    assert record.example.skill is Skill.REMOVAL
    assert record.example.phrase
    assert not torch.equal(record.source, record.target)


@pytest.mark.parametrize(
    ("given", "told"),
    [({"grounding": 0.5}, "choices are addition, removal"), ({"removal": 1.5}, r"shares in \[0, 1\]")],
)
def test_bad_rates_are_errors(given: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        records(**given)
    with pytest.raises(ValueError, match="naming is 'seen'"):
        ShapesRecords("train", naming="seen", reversed_skills={"removal": 0.5})
