"""Moving Shapes animates itself: exact clips of both pictures, of every skill, either way round."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.stills import WORDS, boxed, shapes_still

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.errors import UseError
from veggie_pl.masks.paint import paint
from veggie_pl.synthesis.animate import ShapesAnimator
from veggie_pl.synthesis.animate.shapes import moved
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Animator, ItemError, Still
from veggie_pl.video.clip import to_frames

ANIMATOR = ShapesAnimator(5, num_objects=(2, 3))
EDITS = [skill for skill in Skill if not skill.is_painted]


@pytest.mark.parametrize("skill", EDITS)
def test_world_moves_and_starts_with_the_pictures(skill: Skill) -> None:
    assert isinstance(ANIMATOR, Animator)
    moving = 0
    for index in range(4):
        still = shapes_still(skill, index)
        animation = ANIMATOR.animate(still, WORDS, 7 + index)
        edited = SameMotion().propagate(still, WORDS, animation, 0)
        assert np.array_equal(animation.frames[0], still.source)
        assert np.array_equal(edited[0], still.target)
        assert edited.shape == animation.frames.shape == (5, 64, 64, 3)
        assert (edited[-1] != animation.frames[-1]).any()
        moving += bool((animation.frames[1] != animation.frames[0]).any())
    assert moving == 4


def test_motion_is_json_and_the_seed_decides() -> None:
    still = shapes_still(Skill.CHANGING, 1)
    one, again, other = (ANIMATOR.animate(still, WORDS, seed) for seed in (1, 1, 2))
    assert one.motion == again.motion != other.motion
    assert np.array_equal(moved(still, json.loads(json.dumps(one.motion)))[0], one.frames)


def test_still_read_backwards_gives_the_clips_the_other_way_round() -> None:
    still = shapes_still(Skill.REMOVAL)
    back = replace(still, source=still.target, target=still.source)
    there, here = ANIMATOR.animate(still, WORDS, 3), ANIMATOR.animate(back, WORDS, 3)
    assert np.array_equal(SameMotion().propagate(back, WORDS, here, 0), there.frames)


def test_painted_objects_move_with_their_paint() -> None:
    records = ShapesRecords("val", 4, {"grounding": 1.0}, 1, 48, (2, 3))
    record = records[2]
    assert record.mask is not None
    target = paint(record.source, record.mask, record.example.fill)
    still = Still(record.example, to_frames(record.source)[0], to_frames(target)[0], "d")
    animation = ANIMATOR.animate(still, WORDS, 0)
    edited = SameMotion().propagate(still, WORDS, animation, 0)
    painted = [int((one != other).any(-1).sum()) for one, other in zip(edited, animation.frames, strict=True)]
    assert min(painted) > 0.5 * painted[0] > 0


def test_other_pictures_are_errors_of_the_item() -> None:
    with pytest.raises(ItemError, match="is no still of Moving Shapes"):
        ANIMATOR.animate(boxed(), WORDS, 0)
    still = shapes_still(Skill.CHANGING)
    with pytest.raises(ItemError, match="does not show what Moving Shapes draws for it at 64 pixels"):
        ANIMATOR.animate(replace(still, source=255 - still.source), WORDS, 0)
    with pytest.raises(ItemError, match=r"does not show|no still"):
        ShapesAnimator(5, num_objects=(1, 1)).animate(still, WORDS, 0)


def test_settings_are_checked_and_named() -> None:
    with pytest.raises(UseError, match="at least 2 frames"):
        ShapesAnimator(1)
    with pytest.raises(UseError, match="vocabular"):
        ShapesAnimator(vocabulary="huge")
    assert ShapesAnimator(5).digest != ShapesAnimator(6).digest
