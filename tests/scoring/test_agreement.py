import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, SampleScore
from veggie_pl.scoring.agreement import Agreement, agreement_grids, agreement_with, samples_by_key
from veggie_pl.scoring.ratings import Rating, Ratings


def reports(**methods: list[SampleScore]) -> dict[str, Report]:
    return {name: report(name, samples) for name, samples in methods.items()}


def of(values: list[float], metric: str = "success", skill: Skill = Skill.REMOVAL) -> list[SampleScore]:
    return [sample(f"{skill}/{i}", skill, index=i, values={metric: value}) for i, value in enumerate(values)]


def rated(skill: Skill = Skill.REMOVAL, **methods: list[float]) -> Ratings:
    rows = [Rating(f"{skill}/{i}", (name,), float(v)) for name, values in methods.items() for i, v in enumerate(values)]
    return Ratings(tuple(rows), (), False, "r.csv")


def compared(*answers: tuple[int, str, str, float]) -> Ratings:
    rows = tuple(Rating(f"removal/{i}", (first, second), value) for i, first, second, value in answers)
    return Ratings(rows, (), True, "r.csv")


def the_row(ratings: Ratings, given: dict[str, Report]) -> Agreement:
    (row,) = agreement_with(ratings, given).rows
    return row


def test_ratings_by_hand() -> None:
    """Three examples, two methods. People prefer a, b, and find the third alike; the measure prefers a, a, b."""
    given = reports(a=of([90, 80, 10]), b=of([20, 70, 60]))
    row = the_row(rated(a=[5, 2, 3], b=[1, 4, 3]), given)
    assert row.accuracy.value == 0.5
    assert (row.n, row.pairs, row.ties) == (6, 2, 1)
    measure, people = [90, 80, 10, 20, 70, 60], [5, 2, 3, 1, 4, 3]
    assert row.spearman.value == pytest.approx(stats.spearmanr(measure, people).statistic)
    assert row.kendall.value == pytest.approx(stats.kendalltau(measure, people).statistic)


def test_comparisons_by_hand() -> None:
    """Measure: a 70 ahead, a 10 ahead, alike, b 50 ahead. People: a, b, a, b: right, wrong, half, right."""
    given = reports(a=of([90, 80, 30, 10]), b=of([20, 70, 30, 60]))
    row = the_row(compared((0, "a", "b", 1.0), (1, "b", "a", 1.0), (2, "a", "b", 1.0), (3, "b", "a", 1.0)), given)
    assert row.accuracy.value == 2.5 / 4
    assert (row.n, row.pairs, row.ties) == (4, 4, 0)
    both = [70, 10, 0, -50, -70, -10, 0, 50], [1, -1, 1, -1, -1, 1, -1, 1]
    assert row.kendall.value == pytest.approx(stats.kendalltau(*both).statistic)


def test_which_is_called_a_does_not_matter() -> None:
    given = reports(a=of([90, 80, 30, 10]), b=of([20, 70, 40, 60]))
    answers = [(0, "a", "b", 1.0), (1, "a", "b", -1.0), (2, "a", "b", 0.0), (3, "a", "b", -1.0)]
    turned = [(i, b, a, -value) for i, a, b, value in answers]
    assert the_row(compared(*answers), given) == the_row(compared(*turned), given)


def test_a_measure_where_less_is_better_is_turned() -> None:
    given = reports(a=of([1, 2, 3, 4], "error"))
    row = the_row(rated(a=[9, 7, 5, 3]), given)
    assert row.spearman.value == row.kendall.value == pytest.approx(1.0)


def test_one_method_has_no_pairs() -> None:
    row = the_row(rated(a=[1, 2, 3]), reports(a=of([1, 2, 3])))
    assert math.isnan(row.accuracy.value)
    assert row.pairs == 0


def test_intervals_are_a_bootstrap_over_examples() -> None:
    """Both outputs of an example are drawn together, so twice the methods is not twice the evidence."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=40)
    measure = people + rng.normal(size=40)
    alone = the_row(rated(a=list(people)), reports(a=of(list(measure))))
    twice = the_row(rated(a=list(people), b=list(people)), reports(a=of(list(measure)), b=of(list(measure))))
    assert alone.spearman.low < alone.spearman.value < alone.spearman.high
    assert twice.spearman == pytest.approx(alone.spearman, abs=0.02)

    def resampled(x: np.ndarray, y: np.ndarray) -> float:
        return float(stats.spearmanr(x, y).statistic)

    outside = stats.bootstrap(
        (measure, people), resampled, paired=True, vectorized=False, n_resamples=1000, method="percentile", rng=1
    ).confidence_interval
    assert (alone.spearman.low, alone.spearman.high) == pytest.approx(tuple(outside), abs=0.06)


def test_same_seed_same_intervals() -> None:
    given, ratings = reports(a=of([3, 1, 4, 1, 5, 9, 2, 6])), rated(a=[2, 7, 1, 8, 2, 8, 1, 8])
    (found, again, other) = (agreement_with(ratings, given, seed).rows[0] for seed in (1, 1, 2))
    assert (again.spearman, again.kendall) == (found.spearman, found.kendall)
    assert other.spearman.value == found.spearman.value
    assert other.spearman.low != found.spearman.low


def test_all_skills_come_before_each() -> None:
    both = [*of([1, 2, 3]), *of([30, 20, 10], skill=Skill.ADDITION)]
    one, other = rated(a=[1, 2, 3]), rated(Skill.ADDITION, a=[1, 2, 3])
    ratings = replace(one, rows=one.rows + other.rows)
    rows = agreement_with(ratings, reports(a=both)).rows
    assert [(row.skill, row.n) for row in rows] == [(None, 6), (Skill.REMOVAL, 3), (Skill.ADDITION, 3)]
    assert [round(row.kendall.value, 3) for row in rows[1:]] == [1.0, -1.0]


def test_undefined_values_and_unrated_outputs_take_no_part() -> None:
    row = the_row(rated(a=[1, 2, 3, 4]), reports(a=of([1, math.nan, 3, 4, 5, 6])))
    assert row.n == 3
    assert agreement_with(rated(a=[1.0]), reports(a=of([math.nan, 2.0]))).rows == ()


def test_a_key_of_two_skills_names_no_sample() -> None:
    both = [sample("k", Skill.REMOVAL), sample("k", Skill.ADDITION), sample("l")]
    assert list(samples_by_key(report("a", both))) == ["l"]


def test_grid_states_numbers_seed_and_raters() -> None:
    given = reports(a=of([90, 80, 10]), b=of([20, 70, 60]))
    grid = agreement_with(rated(a=[5, 2, 3], b=[1, 4, 3]), given, seed=5).grid()
    (row,) = grid.rows
    assert row[:2] == ("Concept Removal", "success")
    assert row[6] == "50.00"
    assert row[-2:] == ("6", "2")
    assert len(row) == len(grid.head)
    for part in ("seed 5", "1000 resamples", "names no raters"):
        assert part in grid.note


def test_a_file_gives_its_bad_rows_first_and_then_the_agreement(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("key,method,rating\nremoval/0,a,5\nremoval/1,a,2\nremoval/2,a,3\nremoval/9,a,3\n")
    problems, agreement = agreement_grids(path, reports(a=of([90, 80, 10])))
    assert problems.rows == (("line 5", "a has no sample 'removal/9'"),)
    assert agreement.rows[0][-2:] == ("3", "0")
    path.write_text("key,method,rating\nremoval/0,a,5\nremoval/1,a,2\n")
    assert len(agreement_grids(path, reports(a=of([90, 80, 10])))) == 1
