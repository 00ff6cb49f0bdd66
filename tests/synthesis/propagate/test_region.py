"""The region of an edit, carried through a video."""

import numpy as np
from support.stills import WORDS, boxed

from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.propagate.region import carried_region, first_region
from veggie_pl.synthesis.regions import differs

STILL = boxed(72, 96)


def test_region_goes_where_the_edit_goes() -> None:
    animation = CameraAnimator(4).animate(STILL, WORDS, 2)
    exact = differs(animation.frames, SameMotion().propagate(STILL, WORDS, animation, 0))
    found = carried_region(STILL, animation.frames)
    assert np.array_equal(found[0], first_region(STILL))
    assert found[exact].mean() > 0.97
    assert found.mean() < 2 * exact.mean()
