"""Regions: small noise is no difference, margins are shares of the shorter side."""

import numpy as np

from veggie_pl.synthesis.regions import LEVELS, differs, widened


def test_only_more_than_noise_differs() -> None:
    one = np.full((2, 4, 4, 3), 100, np.uint8)
    other = one.copy()
    other[0, 0, 0, 1] += LEVELS
    other[1, 2, 3, 2] -= LEVELS + 1
    assert [tuple(place) for place in np.argwhere(differs(one, other))] == [(1, 2, 3)]


def test_margin_is_a_share_of_the_shorter_side() -> None:
    region = np.zeros((40, 80), bool)
    region[20, 40] = True
    assert np.ptp(np.argwhere(widened(region, 0.1)), axis=0).tolist() == [8, 8]
    assert widened(region, 0.0).sum() == 5
