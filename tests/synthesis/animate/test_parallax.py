"""Parallax: near things pass faster, the pair agrees wherever the pictures do, first frames are the pictures."""

import json

import numpy as np
import pytest
from support.stills import WORDS, boxed, still_of

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import ParallaxAnimator
from veggie_pl.synthesis.animate.parallax import moved
from veggie_pl.synthesis.flow import to_first
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Animation, Animator, Frames, Still

STILL = boxed(72, 96)


def pair(still: Still, seed: int = 0) -> tuple[Animation, Frames]:
    animation = ParallaxAnimator(4).animate(still, WORDS, seed)
    return animation, SameMotion().propagate(still, WORDS, animation, seed)


@pytest.mark.parametrize("skill", [Skill.ADDITION, Skill.CHANGING, Skill.STYLIZATION])
def test_first_frames_are_the_pictures_and_clips_agree_away_from_the_edit(skill: Skill) -> None:
    still = still_of(STILL.source, STILL.target, skill)
    animation, edited = pair(still)
    assert isinstance(ParallaxAnimator(), Animator)
    assert np.array_equal(animation.frames[0], STILL.source)
    assert np.array_equal(edited[0], STILL.target)
    same = (edited == animation.frames).all(-1)
    assert same[:, :, :12].all()
    assert not same[-1].all()


def test_motion_is_json_and_the_seed_decides() -> None:
    animation, edited = pair(STILL, 5)
    assert np.array_equal(moved(STILL, json.loads(json.dumps(animation.motion))), edited)
    assert pair(STILL, 5)[0].motion == animation.motion != pair(STILL, 6)[0].motion


def test_front_passes_faster_than_the_bottom_and_that_than_the_top() -> None:
    still = still_of(STILL.source, STILL.source, Skill.STYLIZATION)
    (shift_x, _), frames = (0.1, 0.0), moved(still, {"kind": "parallax", "shifts": [[0.0, 0.0], [0.1, 0.0]]})
    flow = -to_first(frames)[0][:, 20:-20, 0] / 96
    assert np.median(flow[4:12]) == pytest.approx(0.36 * shift_x, abs=0.01)
    assert np.median(flow[-12:-4]) == pytest.approx(0.74 * shift_x, abs=0.015)
    front = moved(STILL, {"kind": "parallax", "shifts": [[0.0, 0.0], [0.125, 0.0]]})[1]
    red = (front[..., 0] > 200) & (front[..., 1] < 40)
    assert np.argwhere(red)[:, 1].min() == 96 // 3 + 12


@pytest.mark.parametrize("wrong", [{"num_frames": 1}, {"shift": 0.0}, {"fps": -1.0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UseError, match="parallax has to have"):
        ParallaxAnimator(**wrong)  # type: ignore[arg-type]


def test_digest_names_parameters() -> None:
    assert ParallaxAnimator().digest != ParallaxAnimator(shift=0.2).digest
