"""Whether measures agree with people: rank correlations, and how often the better of two outputs scores better."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, SampleScore
from veggie_pl.metrics.tables import NO_NUMBER, Grid, number
from veggie_pl.scoring.correlation import rank_correlations
from veggie_pl.scoring.raters import Opinions, RaterAgreement, opinions_of
from veggie_pl.scoring.ratings import Ratings, read_ratings
from veggie_pl.seeding import numpy_rng

NUM_RESAMPLES = 1000
LEVEL = 0.95
_LEAST = 0.5  # part of the resamples in which a number must be defined to have an interval


class Estimate(NamedTuple):
    """A number and its interval; NaN where they are not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """How well a measure agrees with people.

    Args:
        skill: None is all skills that have the measure.
        metric: The measure; where less is better, its sign is turned.
        spearman: Rank correlation, in [-1, 1].
        kendall: Kendall's tau-b, in [-1, 1].
        accuracy: Share of the pairs of outputs for one example in which people and measure name the same one, in
            [0, 1]; a pair that the measure has no opinion of counts half.
        n: Outputs, or pairs where people compared pairs, that the correlations are over.
        pairs: Pairs that the accuracy is over.
        ties: Pairs that people find equally good: in no accuracy.
    """

    skill: Skill | None
    metric: str
    spearman: Estimate
    kendall: Estimate
    accuracy: Estimate
    n: int
    pairs: int
    ties: int


@dataclass(frozen=True)
class AgreementReport:
    """All measures against one file of ratings.

    Args:
        rows: By measure, all skills first.
        raters: How far people agree among themselves.
        name: Of the file.
        are_pairs: Whether people compared pairs.
        seed: Of what is drawn.
    """

    rows: tuple[Agreement, ...]
    raters: RaterAgreement
    name: str
    are_pairs: bool
    seed: int

    def grid(self) -> Grid:
        """Make one row per measure and skill."""
        head = ("skill", "metric", "Spearman", "95 %", "Kendall", "95 %", "pairs right", "95 %", "n", "pairs")
        rows = tuple(
            (
                "all" if one.skill is None else one.skill.title,
                one.metric,
                *(cell for found in (one.spearman, one.kendall) for cell in _cells(found)),
                *_cells(one.accuracy, 100.0),
                str(one.n),
                str(one.pairs),
            )
            for one in self.rows
        )
        what = "Correlations are of differences between two outputs. " if self.are_pairs else ""
        note = (
            f"{what}Pairs right in %, ties of the measure count half, ties of people not at all. Intervals: bootstrap "
            f"over examples, {NUM_RESAMPLES} resamples, seed {self.seed}. {self.raters.said()}"
        )
        return Grid(f"agreement with people, {self.name}", head, rows, note)


class _Points(NamedTuple):
    """What is correlated or compared: of which example, by the measure, by people."""

    key: Int[np.ndarray, " n"]
    measure: Float[np.ndarray, " n"]
    people: Float[np.ndarray, " n"]


def agreement_with(ratings: Ratings, reports: Mapping[str, Report], seed: int = 0) -> AgreementReport:
    """Compare every measure with what people say.

    Several raters of one output are averaged. Failed outputs take part with the worst value that they have in the
    report; where a measure is not defined, the output is left out. Intervals are a bootstrap over examples, with all
    their outputs together: what is said of two outputs of one example is not independent.

    Args:
        ratings: As ``read_ratings`` gives them, of methods and keys that the reports have.
        reports: By name of the method.
        seed: What is drawn is a function of the seed and the number of examples alone.
    """
    samples = {name: samples_by_key(report) for name, report in reports.items()}
    opinions = opinions_of(ratings)
    directions = {one.row: one.higher_is_better for report in reports.values() for one in report.results}
    rows = []
    for metric in dict.fromkeys(metric for _, metric in directions):
        skills = [skill for skill, name in directions if name == metric]
        for chosen in [skills, *([skill] for skill in skills)] if len(skills) > 1 else [skills]:
            scores = {
                (name, key): one.values[metric] * (1 if directions[one.skill, metric] else -1)
                for name, its in samples.items()
                for key, one in its.items()
                if one.skill in chosen and math.isfinite(one.values.get(metric, math.nan))
            }
            skill = chosen[0] if len(chosen) == 1 else None
            if (found := _agreement(skill, metric, scores, opinions, seed)) is not None:
                rows.append(found)
    return AgreementReport(tuple(rows), opinions.raters, ratings.name, ratings.are_pairs, seed)


def agreement_grids(path: Path, reports: Mapping[str, Report], seed: int = 0) -> list[Grid]:
    """Read a file of ratings and compare it with reports: a list of the rows that do not count, if any, and the result.

    Args:
        path: See ``read_ratings``.
        reports: By name of the method, as ``ranking.named`` gives them.
        seed: Of what is drawn.

    Raises:
        UseError: If no row counts, or the file cannot be read.
    """
    ratings = read_ratings(path, {name: samples_by_key(report) for name, report in reports.items()})
    problems = ratings.problems()
    return [*([] if problems is None else [problems]), agreement_with(ratings, reports, seed).grid()]


def samples_by_key(report: Report) -> dict[str, SampleScore]:
    """Find samples by key alone, as files of ratings name them; a key that two skills share names none of them."""
    counts = Counter(one.key for one in report.samples)
    return {one.key: one for one in report.samples if counts[one.key] == 1}


def _agreement(
    skill: Skill | None, metric: str, scores: Mapping[tuple[str, str], float], opinions: Opinions, seed: int
) -> Agreement | None:
    """Compare one measure; None where no output that people rated has a number."""
    keys: dict[str, int] = {}
    compared = _points(_pairs(scores, opinions), keys)
    if opinions.are_pairs:  # each in both orders: which of the two is called the first does not matter
        key, measure, people = compared
        points = _Points(np.tile(key, 2), np.r_[measure, -measure], np.r_[people, -people])
    else:
        rated = (
            (key, scores[name, key], value) for (name, key), value in opinions.rated.items() if (name, key) in scores
        )
        points = _points(rated, keys)
    if len(points.key) == 0:
        return None
    counts = _resamples(len(keys), seed)
    spearman, kendall = rank_correlations(points.measure, points.people, counts[:, points.key])
    clear = compared.people != 0
    key, measure, people = (column[clear] for column in compared)
    right = (np.sign(measure) * np.sign(people) + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = (counts[:, key] * right).sum(1) / counts[:, key].sum(1)
    n = len(compared.key) if opinions.are_pairs else len(points.key)
    return Agreement(
        skill,
        metric,
        spearman=_estimate(spearman, len(keys)),
        kendall=_estimate(kendall, len(keys)),
        accuracy=_estimate(accuracy, len(keys)),
        n=n,
        pairs=int(clear.sum()),
        ties=int((~clear).sum()),
    )


def _pairs(scores: Mapping[tuple[str, str], float], opinions: Opinions) -> Iterator[tuple[str, float, float]]:
    """Give key, difference of the measure and difference by people, of two outputs for one example."""
    if opinions.are_pairs:
        for (key, first, second), value in opinions.compared.items():
            if (first, key) in scores and (second, key) in scores:
                yield key, scores[first, key] - scores[second, key], value
        return
    by_key: dict[str, list[str]] = {}
    for name, key in opinions.rated:
        if (name, key) in scores:
            by_key.setdefault(key, []).append(name)
    for key, names in by_key.items():
        for first, second in combinations(names, 2):
            people = opinions.rated[first, key] - opinions.rated[second, key]
            yield key, scores[first, key] - scores[second, key], people


def _points(found: Iterator[tuple[str, float, float]], keys: dict[str, int]) -> _Points:
    rows = [(keys.setdefault(key, len(keys)), measure, people) for key, measure, people in found]
    key, measure, people = np.array(rows, np.float64).reshape(-1, 3).T
    return _Points(key.astype(np.int64), measure, people)


def _resamples(num_keys: int, seed: int) -> Float[np.ndarray, "r k"]:
    """Draw how often each example is in each resample; the first is the sample itself."""
    rng = numpy_rng("agreement", seed, num_keys)
    drawn = rng.multinomial(num_keys, np.full(num_keys, 1 / num_keys), size=NUM_RESAMPLES)
    return np.concatenate([np.ones((1, num_keys)), drawn])


def _estimate(drawn: Float[np.ndarray, " r"], num_keys: int) -> Estimate:
    value, resampled = float(drawn[0]), drawn[1:][~np.isnan(drawn[1:])]
    if math.isnan(value) or num_keys < 2 or len(resampled) < _LEAST * NUM_RESAMPLES:
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _cells(found: Estimate, scale: float = 1.0) -> tuple[str, str]:
    value, low, high = (one * scale for one in found)
    return number(value), NO_NUMBER if math.isnan(low) else f"[{low:5.2f}, {high:5.2f}]"
