"""Rank correlations of many resamples at once: each resample is a count of how often it drew each item."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Items = Float[np.ndarray, " n"]
Counts = Float[np.ndarray, "r n"]
Correlations = Float[np.ndarray, " r"]


class RankCorrelations(NamedTuple):
    """Both correlations, one of each per resample, in [-1, 1]; NaN where all items of a resample are alike."""

    spearman: Correlations
    kendall: Correlations


def rank_correlations(one: Items, other: Items, counts: Counts) -> RankCorrelations:
    """Correlate the order of items by two numbers each.

    - Spearman: Pearson's correlation of the ranks; ties share the mean of their ranks.
    - Kendall's tau-b: pairs in one order minus pairs in opposite orders, over the geometric mean of the pairs that are
      no tie in the one and no tie in the other.

    They are those of ``scipy.stats`` for the items repeated as often as counted. Memory grows with the square of the
    items: 8 bytes for each two.

    Args:
        one: Say, what a measure gives; finite.
        other: Say, what people give; finite.
        counts: How often each resample has each item; ones are the items themselves.
    """
    spearman = _pearson(_ranks(one, counts), _ranks(other, counts), counts)
    signs, other_signs = _signs(one), _signs(other)
    concordant = _pairs(signs * other_signs, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        kendall = concordant / np.sqrt(_pairs(np.abs(signs), counts) * _pairs(np.abs(other_signs), counts))
    return RankCorrelations(spearman, kendall)


def _ranks(values: Items, counts: Counts) -> Counts:
    """Rank each item within each resample, up to a number that is the same for all: half of what is tied is below."""
    below = (np.sign(values[None, :] - values[:, None]) + 1) / 2  # (other item, item): 1 below, 1/2 tied
    ranks: Counts = counts @ below
    return ranks


def _pearson(a: Counts, b: Counts, counts: Counts) -> Correlations:
    total = counts.sum(1, keepdims=True)
    a = a - (counts * a).sum(1, keepdims=True) / total
    b = b - (counts * b).sum(1, keepdims=True) / total
    spread = (counts * a * a).sum(1) * (counts * b * b).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (counts * a * b).sum(1) / np.sqrt(spread)
    known: Correlations = np.where(spread > 1e-9, found, np.nan).clip(-1, 1)  # below: rounding of ranks all alike
    return known


def _signs(values: Items) -> Float[np.ndarray, "n n"]:
    signs: Float[np.ndarray, "n n"] = np.sign(values[None, :] - values[:, None])
    return signs


def _pairs(weights: Float[np.ndarray, "n n"], counts: Counts) -> Correlations:
    """Sum over the ordered pairs of each resample."""
    sums: Correlations = ((counts @ weights) * counts).sum(1)
    return sums
