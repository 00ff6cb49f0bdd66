import numpy as np
import pytest
from scipy import stats

from veggie_pl.scoring.correlation import rank_correlations


@pytest.mark.parametrize("levels", [3, 10, 10_000])
@pytest.mark.parametrize("n", [4, 37])
def test_correlations_are_scipys_also_with_ties(levels: int, n: int) -> None:
    rng = np.random.default_rng(levels + n)
    one = rng.integers(levels, size=n).astype(float)
    other = one + rng.integers(levels, size=n)
    found = rank_correlations(one, other, np.ones((1, n)))
    assert found.spearman[0] == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)
    assert found.kendall[0] == pytest.approx(stats.kendalltau(one, other).statistic, abs=1e-12)


def test_a_resample_is_its_items_repeated() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(5, size=20).astype(float), rng.normal(size=20)
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=6).astype(float)
    found = rank_correlations(one, other, counts)
    for row, spearman, kendall in zip(counts.astype(int), *found, strict=True):
        repeated = np.repeat(one, row), np.repeat(other, row)
        assert spearman == pytest.approx(stats.spearmanr(*repeated).statistic, abs=1e-12)
        assert kendall == pytest.approx(stats.kendalltau(*repeated).statistic, abs=1e-12)


def test_four_items_by_hand() -> None:
    """Ranks 1 2 3 4 against 1 3 2 4: one of six pairs is turned; squared distances of ranks sum to 2."""
    found = rank_correlations(np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40]), np.ones((1, 4)))
    assert found.kendall[0] == pytest.approx((5 - 1) / 6)
    assert found.spearman[0] == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_items_that_are_all_alike_have_none() -> None:
    found = rank_correlations(np.full(7, 0.1), np.arange(7.0), np.ones((1, 7)))
    assert np.isnan(found.spearman).all()
    assert np.isnan(found.kendall).all()
