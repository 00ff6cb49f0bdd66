"""Same motion: where the pictures agree, the clips agree to the byte."""

import numpy as np
import pytest
from support.stills import WORDS, boxed

from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Animation, ItemError, Propagator, Still

STILL = boxed()


def test_pair_is_aligned_exactly() -> None:
    animation = CameraAnimator(4).animate(STILL, WORDS, 0)
    same = SameMotion()
    assert isinstance(same, Propagator)
    edited = same.propagate(STILL, WORDS, animation, 1)
    assert np.array_equal(edited[0], STILL.target)
    assert (edited != animation.frames).any(-1).mean((1, 2)).min() > 0.02
    unedited = Still(STILL.example, STILL.source, STILL.source, "d")
    assert np.array_equal(same.propagate(unedited, WORDS, animation, 1), animation.frames)


def test_motion_of_a_model_cannot_be_repeated() -> None:
    animation = Animation(np.stack([STILL.source] * 2), 8.0)
    with pytest.raises(ItemError, match="kind None cannot be repeated; those that can are camera, parallax, shapes"):
        SameMotion().propagate(STILL, WORDS, animation, 0)
