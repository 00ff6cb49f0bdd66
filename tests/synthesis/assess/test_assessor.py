"""The filter: rules in the order of the config, names of measures checked, values as they are."""

from copy import copy

import numpy as np
import pytest
from support.stills import WORDS, boxed, lifted_of, still_of

from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.assess import Rule, RuleAssessor
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Assessor, ItemError
from veggie_pl.synthesis.steps import Rejudging

STILL = boxed(72, 96)
MOVING = CameraAnimator(5).animate(STILL, WORDS, 1)
EDITED = SameMotion().propagate(STILL, WORDS, MOVING, 1)
GOOD = lifted_of(STILL, MOVING.frames, EDITED)
FROZEN = lifted_of(STILL, np.stack([STILL.source] * 5), np.stack([STILL.target] * 5))


def test_good_pair_is_kept_and_a_frozen_one_is_not() -> None:
    assessor = RuleAssessor(also=("motion",))
    assert isinstance(assessor, Assessor)
    good, bad = assessor.assess(GOOD), assessor.assess(FROZEN)
    assert good.rejected == ()
    assert "frozen" in bad.rejected
    assert good.values["motion"] > 0.005 > bad.values["motion"]
    assert good.values["first_frame"] == 100


def test_pictures_without_a_visible_edit_are_rejected_for_it() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(-3, 4, STILL.source.shape)
    noisy = np.clip(STILL.source.astype(int) + noise, 0, 255).astype(np.uint8)  # as a file that was saved again
    for target in (STILL.source, noisy):
        still = still_of(STILL.source, target)
        moved = SameMotion().propagate(still, WORDS, MOVING, 1)
        pair = lifted_of(still, MOVING.frames, moved)
        assert "edit_seen" in RuleAssessor().assess(pair).rejected
        assert "edit_seen" in RuleAssessor("models").assess(pair).rejected
        assert RuleAssessor("none").assess(pair).rejected == ()
    assert RuleAssessor().assess(GOOD).values["edit_seen"] > 0.04


def test_rules_are_named_in_order_and_override_the_preset() -> None:
    rules = {"side": Rule(least=480.0), "first_frame": Rule(most=1.0)}
    assert RuleAssessor("none", rules).assess(GOOD).rejected == ("side", "first_frame")
    assert RuleAssessor("embedded", rules).assess(GOOD).rejected == ("first_frame", "side")
    assert RuleAssessor("none").assess(FROZEN).values == {}


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(UseError, match=r"no measures of pairs are called \['sharp'\]; the choices are frames, side,"):
        RuleAssessor(rules={"sharp": Rule()})
    with pytest.raises(UseError, match="no preset 'best' of rules; the choices are none"):
        RuleAssessor("best")


def test_clips_of_other_sizes_are_an_error_of_the_item() -> None:
    short = copy(GOOD)
    object.__setattr__(short, "target", EDITED[:4])  # past the checks of shapes that tests run with
    for wrong in (short, lifted_of(boxed(), MOVING.frames, EDITED)):
        with pytest.raises(ItemError, match="the clips are"):
            RuleAssessor().assess(wrong)


def test_other_bounds_are_judged_from_the_same_values() -> None:
    loose, strict = (RuleAssessor("none", {"motion": Rule(least=least)}) for least in (0.0, 9.0))
    assert isinstance(loose, Rejudging)
    assert loose.measured == strict.measured != RuleAssessor("none", {"side": Rule()}).measured
    assert loose.digest != strict.digest
    assert strict.broken(loose.assess(GOOD).values) == strict.assess(GOOD).rejected == ("motion",)
    assert loose.units == {"motion": "sides per frame"}


def test_digest_names_rules_and_measures() -> None:
    digests = {
        RuleAssessor(rules={"motion": Rule(least=least)}, also=also).digest
        for least in (0.1, 0.2)
        for also in ((), ("side",))
    }
    assert len(digests) == 4
