import math
from dataclasses import replace

import pytest
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.metrics.report import Report
from veggie_pl.scoring.compare import compare_reports

LEVELS = [float(10 * (i % 8)) for i in range(40)]  # easy and hard samples


def made(name: str, success: list[float], first: int = 0, **facts: object) -> Report:
    samples = [sample(f"k{first + i}", index=i, values={"success": value}) for i, value in enumerate(success)]
    return report(name, samples, **facts)


def test_pairing_sees_what_two_intervals_do_not() -> None:
    """One point more on every sample: the intervals of the means overlap nearly whole, and the sign never flips."""
    found = compare_reports([made("a", [v + 1 for v in LEVELS]), made("b", LEVELS)])
    (one,) = found.differences
    assert (one.gain, one.low, one.high, one.flips, one.n, one.unpaired) == (1.0, 1.0, 1.0, 0.0, 40, 0)
    assert one.is_clear
    assert found.ranking.ranks == {"a": 1.0, "b": 2.0}


def test_gain_is_negative_where_the_first_is_worse_also_if_less_is_better() -> None:
    high = report("high", [sample(f"k{i}", values={"error": 5.0 + i % 2}) for i in range(9)])
    low = report("low", [sample(f"k{i}", values={"error": 2.0}) for i in range(9)])
    (one,) = compare_reports([high, low]).differences
    assert one.gain == pytest.approx(-(3 + 4 / 9))
    assert one.high < 0
    assert (compare_reports([low, high]).differences[0].gain) == pytest.approx(3 + 4 / 9)


def test_chance_is_not_clear() -> None:
    noise = [5.0, -5.0, 4.0, -4.0, 3.0, -3.5, 1.0, -1.0]
    (one,) = compare_reports([made("a", [50 + v for v in noise]), made("b", [50.0] * 8)]).differences
    assert not one.is_clear
    assert 0.3 < one.flips < 0.7


def test_samples_are_paired_by_skill_and_key_and_the_rest_is_counted() -> None:
    """Keys 2 to 5 are shared; in the other order, and with an index of their own."""
    other = made("b", [0.0] * 5, first=2)
    other = replace(other, samples=tuple(reversed(other.samples)))
    found = compare_reports([made("a", [10.0, 20, 30, 40, 50, 60]), other])
    (one,) = found.differences
    assert one.n == 4
    assert one.gain == 45.0
    assert found.lacking == {"b": (2, 1)}
    assert "2 samples are only in a and 1 only in b: in no difference." in found.notes()
    assert "2 samples are only in a" in found.grid().note


def test_a_sample_of_another_skill_is_no_pair() -> None:
    other = report("b", [sample("k0", Skill.ADDITION, values={"success": 1.0})])
    with pytest.raises(UseError, match="a and b have no sample in common"):
        compare_reports([made("a", [1.0]), other])


def test_undefined_values_are_in_no_pair_and_counted() -> None:
    (one,) = compare_reports(
        [made("a", [1.0, math.nan, 3.0, math.nan]), made("b", [0.0, 0.0, 0.0, math.nan])]
    ).differences
    assert (one.n, one.unpaired, one.gain) == (2, 1, 2.0)


def test_grid_shows_every_row_and_states_seed_and_resamples() -> None:
    grid = compare_reports([made("a", LEVELS), made("b", [*LEVELS[1:], 0.0]), made("c", [0.0] * 40)], seed=7).grid()
    assert [row[:3] for row in grid.rows] == [("Concept Removal", "success", "b"), ("Concept Removal", "success", "c")]
    assert grid.rows[1][3] == "+35.00"
    assert "seed 7" in grid.note
    assert "10000 resamples" in grid.note


def test_what_is_not_alike_is_said() -> None:
    other = made("b", LEVELS, bench="another", conventions={"size": "as the output"}, experts={})
    found = compare_reports([made("a", LEVELS), other])
    assert found.unlike["b"] == ("bench", "conventions: failed outputs", "conventions: size", "experts: detector")
    assert any("b differs in bench" in note for note in found.notes())


def test_reports_that_cannot_be_compared_are_refused() -> None:
    good = made("a", [1.0, 2.0])
    with pytest.raises(UseError, match="at least two reports, got 1"):
        compare_reports([good])
    with pytest.raises(UseError, match="the report of b has no scores of samples"):
        compare_reports([good, replace(good, model="b", samples=())])
    twice = replace(good, model="b", samples=good.samples + good.samples[:1])
    with pytest.raises(UseError, match="the report of b has 1 samples twice"):
        compare_reports([good, twice])
