import math

import pytest

from veggie_pl.scoring.raters import opinions_of
from veggie_pl.scoring.ratings import Rating, Ratings


def ratings(*rows: Rating) -> Ratings:
    return Ratings(rows, (), len(rows[0].methods) == 2, "r.csv")


def test_ratings_of_one_output_are_averaged() -> None:
    found = opinions_of(ratings(Rating("k", ("a",), 1.0), Rating("k", ("a",), 4.0), Rating("k", ("b",), 2.0)))
    assert found.rated == {("a", "k"): 2.5, ("b", "k"): 2.0}
    assert found.raters.said() == "The file names no raters."


def test_what_people_find_alike_is_a_tie_in_any_order() -> None:
    values = [0.1, 0.2, 0.3, 0.7]
    one = [Rating("k", ("a",), value) for value in values]
    other = [Rating("k", ("b",), value) for value in reversed(values)]
    rated = opinions_of(ratings(*one, *other)).rated
    assert rated["a", "k"] == rated["b", "k"]


def test_comparisons_are_averaged_whichever_is_called_a() -> None:
    found = opinions_of(
        ratings(
            Rating("k", ("b", "a"), 1.0, "ann"),
            Rating("k", ("a", "b"), -1.0, "bob"),
            Rating("k", ("a", "b"), 1.0, "cid"),
            Rating("k", ("a", "c"), 1.0, "ann"),
        )
    )
    assert found.compared == {("k", "a", "b"): pytest.approx(-1 / 3), ("k", "a", "c"): 1.0}
    assert found.raters.value == pytest.approx(1 / 3)  # ann and bob agree, each of them and cid do not
    assert "two give the same answer in 33.3 % of 3 cases" in found.raters.said()


def test_raters_are_correlated_over_what_they_share() -> None:
    """Ann 1 2 3 4, Bob 1 3 2 4 (rank correlation 0.8); Cid shares two outputs only and Dan finds all alike."""
    said = {"ann": [1, 2, 3, 4], "bob": [1, 3, 2, 4], "cid": [1, 2], "dan": [5, 5, 5, 5]}
    rows = [Rating(f"k{i}", ("a",), float(v), who) for who, values in said.items() for i, v in enumerate(values)]
    found = opinions_of(ratings(*rows)).raters
    assert (found.num_raters, found.num_compared) == (4, 1)
    assert found.value == pytest.approx(0.8)
    assert "Spearman of two 0.80" in found.said()


def test_a_single_rater_cannot_be_compared() -> None:
    found = opinions_of(ratings(Rating("k", ("a",), 1.0, "ann"))).raters
    assert math.isnan(found.value)
    assert found.said() == "Raters: 1, no two of whom can be compared."
