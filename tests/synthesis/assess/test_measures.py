"""Measures of pairs: each one moves with its own fault, and is clean on a pair that is aligned exactly."""

from dataclasses import replace

import numpy as np
import pytest
from support.stills import WORDS, boxed, lifted_of, still_of, textured

from veggie_pl.batch import Skill
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.assess.measures import OWN
from veggie_pl.synthesis.assess.seen import Seen
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Frames, Lifted

STILL = boxed(72, 96)
MOVING = CameraAnimator(5).animate(STILL, WORDS, 1)
GOOD = lifted_of(STILL, MOVING.frames, SameMotion().propagate(STILL, WORDS, MOVING, 1))
CLEAN = {"first_frame": 100.0, "black": 0.0, "frozen": 0.0, "edit_spread": 1.0}


def value(name: str, pair: Lifted) -> float:
    return OWN[name].compute(Seen(pair))


def changed(start: int, frames: Frames) -> Lifted:
    target = GOOD.target.copy()
    target[start:] = frames[start:]
    return replace(GOOD, target=target)


def test_exact_pair_is_clean() -> None:
    assert {name: value(name, GOOD) for name in ("first_frame", "black", "frozen")} == {
        name: CLEAN[name] for name in ("first_frame", "black", "frozen")
    }
    assert value("frames", GOOD) == 5
    assert value("side", GOOD) == 72
    assert value("kept", GOOD) > 60
    assert value("edit_left", GOOD) > 0.9
    assert value("edit_spread", GOOD) < 2
    assert value("edges", GOOD) < 0.2
    assert value("flow_gap", GOOD) < 0.02
    assert value("lost", GOOD) < 0.3
    assert value("motion", GOOD) > 0.003


@pytest.mark.parametrize(
    ("name", "bad", "least"),
    [
        ("first_frame", changed(0, np.roll(GOOD.target, 1, 0)), 20.0),
        ("black", changed(3, GOOD.target * 0), 0.3),
        ("frozen", changed(1, GOOD.target[[0] * 5]), 0.9),
        ("kept", changed(1, np.roll(GOOD.target, 6, 2)), 20.0),
        ("edit_left", changed(3, GOOD.source), 0.9),
        ("edit_spread", changed(1, np.roll(GOOD.target, 6, 2)), 2.0),
        ("flow_gap", changed(1, np.roll(GOOD.target, 6, 2)), 0.03),
        ("edges", changed(1, np.roll(GOOD.target, 6, 2)), 0.3),
        ("lost", changed(2, 255 - GOOD.target), 0.3),
        ("color_drift", changed(1, GOOD.target // 4 * np.arange(4, -1, -1, dtype=np.uint8)[:, None, None, None]), 10.0),
    ],
)
def test_fault_moves_its_measure(name: str, bad: Lifted, least: float) -> None:
    assert abs(value(name, bad) - value(name, GOOD)) > least


def test_edit_of_all_leaves_nothing_to_keep() -> None:
    still = still_of(STILL.source, 255 - STILL.source, Skill.STYLIZATION)
    pair = lifted_of(still, MOVING.frames, 255 - MOVING.frames)
    assert np.isnan(value("kept", pair))
    assert np.isnan(value("flow_gap", pair))
    assert value("edges", pair) < 0.01


def test_edited_clip_may_rest_where_only_the_edit_moves() -> None:
    picture = np.full_like(STILL.source, 120)
    source = np.stack([picture] * 5)
    for number, frame in enumerate(source):
        frame[20:44, 20 + 3 * number : 44 + 3 * number] = textured(24, 24, 5)
    still = still_of(source[0], picture, Skill.REMOVAL)
    pair = lifted_of(still, source, np.stack([picture] * 5))
    assert value("frozen", pair) == 0
    assert value("frozen", replace(pair, source=np.stack([source[0]] * 5))) == 1
