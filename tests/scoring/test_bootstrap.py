import math

import numpy as np
import pytest
from scipy import stats

from veggie_pl.scoring import bootstrap
from veggie_pl.scoring.bootstrap import paired_bootstrap


def test_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    gains = np.random.default_rng(0).normal(1.0, 2.0, 60)
    low, high, _ = paired_bootstrap(gains, seed=0)
    outside = stats.bootstrap((gains,), np.mean, method="percentile", n_resamples=10_000, rng=1).confidence_interval
    assert (low, high) == pytest.approx(tuple(outside), abs=0.05)


def test_two_pairs_by_hand() -> None:
    """Resamples of (-1, 3): both -1 in a quarter, mixed (1) in a half, both 3 in a quarter."""
    low, high, flips = paired_bootstrap(np.array([-1.0, 3.0]), seed=0)
    assert (low, high) == (-1.0, 3.0)
    assert flips == pytest.approx(1 / 4, abs=0.02)


def test_resamples_of_zero_count_half_as_flips() -> None:
    """Of (0, 2): both 0 in a quarter."""
    assert paired_bootstrap(np.array([0.0, 2.0]), seed=0)[2] == pytest.approx(1 / 8, abs=0.02)


def test_no_difference_has_no_sign() -> None:
    low, high, flips = paired_bootstrap(np.zeros(5), seed=0)
    assert (low, high) == (0.0, 0.0)
    assert math.isnan(flips)


def test_fewer_than_two_pairs_have_no_interval() -> None:
    assert all(math.isnan(one) for one in paired_bootstrap(np.array([1.0]), seed=0))


def test_drawing_is_a_function_of_seed_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    gains = np.random.default_rng(0).normal(size=50)
    found = paired_bootstrap(gains, seed=3)
    assert paired_bootstrap(gains, seed=3) == found
    assert paired_bootstrap(gains, seed=4) != found
    monkeypatch.setattr(bootstrap, "_CHUNK", 50 * 7)  # memory does not change what is drawn
    assert paired_bootstrap(gains, seed=3) == found
