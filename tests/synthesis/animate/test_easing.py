"""Shares of a motion: from 0 to 1, and no frame stands still."""

import numpy as np
import pytest

from veggie_pl.synthesis.animate.easing import EASES, eased


@pytest.mark.parametrize("name", EASES)
def test_motion_goes_from_start_to_end_and_never_stops(name: str) -> None:
    shares = eased(9, name)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert np.diff(shares).min() > 0.4 / 8
    assert eased(1, name).tolist() == [0]
