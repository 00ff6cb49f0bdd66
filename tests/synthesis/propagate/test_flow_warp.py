"""Warping along flow: near the exact answer, the video itself where nothing was asked, holes where nothing was seen."""

import numpy as np
import pytest
from support.stills import WORDS, boxed, shapes_still, still_of

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import CameraAnimator, ShapesAnimator
from veggie_pl.synthesis.propagate import FlowWarp, SameMotion
from veggie_pl.synthesis.propagate.flow_warp import returns
from veggie_pl.synthesis.protocols import Animation, Frames, ItemError, Propagator

STILL = boxed(96, 128)


def away(one: Frames, other: Frames) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_camera_motion_is_followed() -> None:
    animation = CameraAnimator(4).animate(STILL, WORDS, 2)
    exact = SameMotion().propagate(STILL, WORDS, animation, 0)
    assert isinstance(FlowWarp(), Propagator)
    edited = FlowWarp().propagate(STILL, WORDS, animation, 0)
    assert np.array_equal(edited[0], STILL.target)
    assert away(edited, exact) < 0.25 * away(animation.frames, exact)
    whole = FlowWarp(keep=False).propagate(STILL, WORDS, animation, 0)
    assert away(whole, exact) < 6
    corner = (slice(1, None), slice(0, 12), slice(0, 12))
    assert np.array_equal(edited[corner], animation.frames[corner])
    assert not np.array_equal(whole[corner], animation.frames[corner])


def test_change_of_all_is_warped_whole() -> None:
    still = still_of(STILL.source, 255 - STILL.source, Skill.STYLIZATION)
    animation = CameraAnimator(3).animate(still, WORDS, 1)
    edited = FlowWarp().propagate(still, WORDS, animation, 0)
    assert away(edited, 255 - animation.frames) < 6


@pytest.mark.parametrize("skill", [Skill.REMOVAL, Skill.VISUAL_FEATURE])
def test_moving_thing_is_edited_where_it_goes(skill: Skill) -> None:
    lost = []
    for index in range(4):
        still = shapes_still(skill, index, size=96)
        animation = ShapesAnimator(5, num_objects=(2, 3)).animate(still, WORDS, index)
        exact = SameMotion().propagate(still, WORDS, animation, 0)
        found = FlowWarp().propagate(still, WORDS, animation, 0)
        lost.append(away(found, exact) / away(animation.frames, exact))
    assert np.median(lost) < 0.5


def test_hidden_pixels_do_not_return() -> None:
    still = np.zeros((32, 40, 2), np.float32)
    assert returns(still, still).all()
    right = np.dstack([np.full((32, 40), 8.0), np.zeros((32, 40))]).astype(np.float32)
    assert returns(right, -right)[:, :32].all()
    assert not returns(right, -right)[:, 32:].any()
    assert not returns(right, still).any()


def test_other_sizes_and_presets_are_refused() -> None:
    animation = Animation(np.zeros((2, 32, 32, 3), np.uint8), 8.0)
    with pytest.raises(ItemError, match="the video is"):
        FlowWarp().propagate(STILL, WORDS, animation, 0)
    with pytest.raises(UseError, match="the choices are ultrafast, fast, medium"):
        FlowWarp("best")
    assert FlowWarp().digest != FlowWarp(keep=False).digest
