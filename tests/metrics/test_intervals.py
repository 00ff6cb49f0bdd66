"""Do the intervals hold the truth as often as they say? By enumeration for shares, by simulation for means."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from veggie_pl.metrics.intervals import bounded_mean, mean_interval, student, weighted_interval, wilson
from veggie_pl.seeding import numpy_rng

PERCENT = (0.0, 100.0)
Draw = Callable[[np.random.Generator, int], np.ndarray]


# --- shares


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize("total", [1, 7, 40, 200])
def test_wilson_agrees_with_scipy(total: int, level: float) -> None:
    for count in range(total + 1):
        theirs = stats.binomtest(count, total).proportion_ci(level, method="wilson")
        assert wilson(count, total, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_by_hand() -> None:
    z2 = 1.959964**2  # all of n succeed: the low end is n / (n + z^2)
    assert wilson(40, 40) == pytest.approx((40 / (40 + z2), 1.0), abs=1e-7)
    assert wilson(0, 40) == pytest.approx((0.0, z2 / (40 + z2)), abs=1e-7)
    # 8 of 10: (0.8 + z^2 / 20 -+ z sqrt(0.016 + z^2 / 400)) / (1 + z^2 / 10)
    half = 1.959964 * math.sqrt(0.016 + z2 / 400)
    assert wilson(8, 10) == pytest.approx(
        ((0.8 + z2 / 20 - half) / (1 + z2 / 10), (0.8 + z2 / 20 + half) / (1 + z2 / 10)), abs=1e-7
    )


@pytest.mark.parametrize("total", [30, 40, 200])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
def test_intervals_of_shares_hold_the_truth_as_often_as_they_say(share: float, total: int) -> None:
    coverage = 0.0
    for count in range(total + 1):
        values = np.repeat(PERCENT, (total - count, count))
        low, high = mean_interval(values, seed=0, bounds=PERCENT)
        if low <= 100 * share <= high:
            coverage += float(stats.binom.pmf(count, total, share))
    assert 0.93 <= coverage <= 0.98


# --- means of bounded values, such as the IoU of a clip


def beta(a: float, b: float) -> tuple[Draw, float]:
    return (lambda rng, n: rng.beta(a, b, n)), a / (a + b)


def failing(share: float) -> tuple[Draw, float]:
    """Nearly right, but for the clips that are missed altogether."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.where(rng.random(n) < share, 0.0, rng.uniform(0.9, 1.0, n))

    return draw, (1 - share) * 0.95


MEANS = {
    "beta(5, 2)": beta(5, 2),
    "beta(19, 1)": beta(19, 1),
    "beta(9.5, 0.5)": beta(9.5, 0.5),
    "beta(2, 0.1)": beta(2, 0.1),
    "beta(0.5, 0.1)": beta(0.5, 0.1),
    "2 % fail": failing(0.02),
    "5 % fail": failing(0.05),
    "20 % fail": failing(0.2),
}


@pytest.mark.parametrize("size", [30, 40, 200])
@pytest.mark.parametrize("name", MEANS)
def test_intervals_of_bounded_means_hold_the_truth_at_least_as_often_as_they_say(name: str, size: int) -> None:
    draw, truth = MEANS[name]
    rounds, hits = 300 if size < 100 else 150, 0
    for seed in range(rounds):
        values = 100 * draw(numpy_rng("coverage", name, size, seed), size)
        low, high = mean_interval(values, seed, bounds=PERCENT, num_resamples=400)
        hits += low <= 100 * truth <= high
    assert hits / rounds >= 0.93


@pytest.mark.parametrize(("count", "total"), [(40, 40), (0, 40), (37, 40), (5, 9)])
def test_bounded_mean_of_yes_and_no_is_clopper_and_pearsons(count: int, total: int) -> None:
    theirs = stats.binomtest(count, total).proportion_ci(method="exact")
    values = np.repeat([0.0, 1.0], (total - count, count))
    assert bounded_mean(values, seed=1, num_resamples=40_000) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_bounded_mean_of_many_samples_agrees_with_the_bootstrap() -> None:
    values = numpy_rng("draws").beta(2, 1, size=3000)
    found = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0))
    theirs = found.confidence_interval
    width = theirs.high - theirs.low
    ours = bounded_mean(values, seed=1, num_resamples=4000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_bounded_mean_does_not_trust_forty_clips_that_are_alike() -> None:
    low, high = mean_interval(np.full(40, 98.0), seed=0, bounds=PERCENT)
    assert low == pytest.approx(98 * 0.025 ** (1 / 40), abs=0.6)  # a clip in twelve might fail outright
    assert 98 <= high <= 98.3


def test_bounded_mean_is_a_function_of_its_seed() -> None:
    values = numpy_rng("draws").beta(2, 1, size=50)
    assert bounded_mean(values, seed=1) == bounded_mean(values, seed=1)
    assert bounded_mean(values, seed=1) != bounded_mean(values, seed=2)


def test_bounded_mean_draws_all_resamples_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    values = numpy_rng("draws").beta(2, 1, size=50)
    whole = bounded_mean(values, seed=1)
    monkeypatch.setattr("veggie_pl.metrics.intervals._CHUNK", 51 * 7)
    assert bounded_mean(values, seed=1) == whole


# --- means of anything else


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize("size", [2, 3, 10, 40, 2000])
def test_student_agrees_with_scipy(size: int, level: float) -> None:
    values = numpy_rng("draws", size).normal(28, 4, size=size)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert student(values, level) == pytest.approx((theirs.low, theirs.high), abs=1e-5)


@pytest.mark.parametrize("size", [30, 40, 200])
def test_intervals_of_decibels_hold_the_truth_as_often_as_they_say(size: int) -> None:
    hits = 0
    for seed in range(1000):
        low, high = mean_interval(numpy_rng("coverage", size, seed).normal(28, 4, size), seed)
        hits += low <= 28 <= high
    assert 0.93 <= hits / 1000 <= 0.97


def test_student_is_cut_off_at_a_finite_bound_and_forgives_rounding() -> None:
    values = np.array([99.9, 100.0, 100.0 + 1e-5, 99.0])
    low, high = mean_interval(values, seed=0, bounds=(-math.inf, 100.0))
    assert high == 100.0 > low > 98.0
    assert mean_interval(np.full(5, 100.0 + 1e-5), seed=0, bounds=(-math.inf, 100.0)) == (100.0, 100.0)


def test_intervals_need_two_samples_a_level_and_values_within_their_bounds() -> None:
    assert all(math.isnan(end) for end in mean_interval(np.ones(1), seed=0))
    assert all(math.isnan(end) for end in mean_interval(np.ones(0), seed=0, bounds=PERCENT))
    assert mean_interval(np.ones(2), seed=0) == (1.0, 1.0)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        mean_interval(np.ones(5), seed=0, level=95.0)
    with pytest.raises(ValueError, match=r"values from 1.0 to 101.0 lie outside of 0.0 .. 100.0"):
        mean_interval(np.array([1.0, 101.0]), seed=0, bounds=PERCENT)


# --- weighted means


def test_weighted_interval_of_equal_weights_is_students() -> None:
    values = numpy_rng("weighted", 0).normal(50, 10, 30)
    assert weighted_interval(values, np.full(30, 7.0)) == pytest.approx(student(values))


def test_weighted_interval_holds_the_ratio_as_often_as_it_says() -> None:
    held = 0
    for seed in range(400):
        rng = numpy_rng("weighted", 1, seed)
        unions = rng.uniform(50, 150, 60)
        ious = (40 + 0.2 * unions + rng.normal(0, 10, 60)).clip(0, 100)  # large objects are found better
        low, high = weighted_interval(ious, unions, bounds=PERCENT)
        held += low <= 40 + 0.2 * (100**2 + 100**2 / 12) / 100 <= high  # E[u v] / E[u]
    assert 0.92 < held / 400 < 0.98


def test_weighted_interval_stays_on_the_scale_and_needs_weight() -> None:
    assert weighted_interval(np.array([100.0, 99.0, 100.0]), np.ones(3), bounds=PERCENT)[1] == 100.0
    assert np.isnan(weighted_interval(np.array([1.0, 2.0]), np.zeros(2))).all()
    assert np.isnan(weighted_interval(np.array([1.0]), np.ones(1))).all()
