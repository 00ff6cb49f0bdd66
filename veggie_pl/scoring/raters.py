"""What people say, several of them averaged, and how far they agree among themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from veggie_pl.scoring.correlation import rank_correlations
from veggie_pl.scoring.ratings import Rating, Ratings

_LEAST = 3  # outputs that two raters must share for a correlation


@dataclass(frozen=True)
class RaterAgreement:
    """How far people agree: a measure cannot be expected to agree with them much more.

    Args:
        num_raters: Those that have a name.
        value: Of ratings, Spearman's correlation of two raters, mean over the pairs of raters that share at least
            three outputs; of comparisons, the share that two raters answer alike. NaN where no two can be compared.
        num_compared: Pairs of raters; of comparisons, pairs of answers.
        are_pairs: Whether people compared pairs.
    """

    num_raters: int
    value: float
    num_compared: int
    are_pairs: bool

    def said(self) -> str:
        """Tell it in one sentence."""
        if self.num_raters == 0:
            return "The file names no raters."
        if math.isnan(self.value):
            return f"Raters: {self.num_raters}, no two of whom can be compared."
        if self.are_pairs:
            alike = f"{100 * self.value:.1f} % of {self.num_compared} cases"
            return f"Raters: {self.num_raters}; two give the same answer in {alike}."
        return (
            f"Raters: {self.num_raters}; Spearman of two {self.value:.2f}, mean over {self.num_compared} pairs of them."
        )


@dataclass(frozen=True)
class Opinions:
    """What people say on average.

    Args:
        rated: (method, key) -> mean rating.
        compared: (key, method, other method) -> mean of 1 (the first is better), -1 and 0; each pair in one order.
        raters: How far they agree.
        are_pairs: Which of the two it is.
    """

    rated: Mapping[tuple[str, str], float]
    compared: Mapping[tuple[str, str, str], float]
    raters: RaterAgreement
    are_pairs: bool


def opinions_of(ratings: Ratings) -> Opinions:
    """Average the ratings of one output, or of one pair in either order, over raters."""
    by_pair: dict[tuple[str, str, str], list[Rating]] = {}
    by_output: dict[tuple[str, str], list[Rating]] = {}
    for row in ratings.rows:
        if ratings.are_pairs:
            by_pair.setdefault((row.key, *_ordered(row)), []).append(row)
        else:
            by_output.setdefault((row.methods[0], row.key), []).append(row)
    rated = {place: _mean([one.value for one in rows]) for place, rows in by_output.items()}
    compared = {place: _mean([_turned(one) for one in rows]) for place, rows in by_pair.items()}
    num_raters = len({row.rater for row in ratings.rows if row.rater})
    found = _alike(list(by_pair.values())) if ratings.are_pairs else _correlated(ratings.rows)
    value = float(np.mean(found)) if found else math.nan
    raters = RaterAgreement(num_raters, value, len(found), ratings.are_pairs)
    return Opinions(rated, compared, raters, ratings.are_pairs)


def _mean(values: Sequence[float]) -> float:
    """Average exactly, so that what people find alike is a tie in whatever order they were asked."""
    return math.fsum(values) / len(values)


def _ordered(row: Rating) -> tuple[str, str]:
    first, second = sorted(row.methods)
    return first, second


def _turned(row: Rating) -> float:
    """Give the answer for the methods in the order of their names."""
    return row.value if row.methods == _ordered(row) else -row.value


def _alike(pairs: Sequence[Sequence[Rating]]) -> list[float]:
    """Tell for each two answers of named raters to one question whether they are the same."""
    return [
        float(_turned(one) == _turned(other))
        for rows in pairs
        for one, other in combinations([row for row in rows if row.rater], 2)
    ]


def _correlated(rows: Sequence[Rating]) -> list[float]:
    """Correlate each two named raters over the outputs that both rated."""
    by_rater: dict[str, dict[tuple[str, str], float]] = {}
    for row in rows:
        if row.rater:
            by_rater.setdefault(row.rater, {})[row.methods[0], row.key] = row.value
    found = []
    for one, other in combinations(by_rater.values(), 2):
        shared = [place for place in one if place in other]
        if len(shared) >= _LEAST:
            values = [np.array([its[place] for place in shared]) for its in (one, other)]
            found.append(float(rank_correlations(values[0], values[1], np.ones((1, len(shared)))).spearman[0]))
    return [value for value in found if not math.isnan(value)]
