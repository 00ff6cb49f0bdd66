"""How sure a mean over samples is: intervals that hold for few samples and near the ends of a scale.

They tell how another test set of this size might have come out, not another training run.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng

Scores = Float[np.ndarray, " n"]
Interval = tuple[float, float]
UNBOUNDED = (-math.inf, math.inf)
_CHUNK = 2**22  # float64 drawn at a time: 32 MiB
_ROUNDING = 1e-3  # what float32 may add to a likeness of 100 %
_GRID = 20_001  # angles at which Student's distribution is integrated; the error of a quantile is below 1e-6


def mean_interval(
    values: Scores,
    seed: int,
    level: float = 0.95,
    bounds: Interval = UNBOUNDED,
    num_resamples: int = 10_000,
) -> Interval:
    """Compute the interval of a mean; NaN for fewer than two values.

    - Every value is one of two finite bounds (a proportion, such as a rate of success): Wilson's, see ``wilson``.
    - Values between two finite bounds, such as an IoU: see ``bounded_mean``.
    - Else Student's, see ``student``, cut off at a finite bound.

    Args:
        values: One per sample, none NaN.
        seed: Seeds what is drawn, for ``bounded_mean`` alone.
        level: Coverage, in (0, 1).
        bounds: Least and greatest value that a sample may have; infinite where there is none, or none that samples
            come near to. Values beyond by no more than rounding are taken for a bound.
        num_resamples: Means drawn, for ``bounded_mean`` alone.

    Raises:
        UseError: If the level is not in (0, 1), or a value lies outside of the bounds.
    """
    if not 0 < level < 1:
        raise UseError(f"level must be in (0, 1), got {level}")
    if len(values) < 2:
        return math.nan, math.nan
    least, greatest = bounds
    if not (least - _ROUNDING <= values.min() and values.max() <= greatest + _ROUNDING):
        raise UseError(f"values from {values.min()} to {values.max()} lie outside of {least} .. {greatest}")
    values = values.clip(least, greatest)
    if math.isinf(least) or math.isinf(greatest):
        low, high = student(values, level)
        return max(low, least), min(high, greatest)
    if np.isin(values, bounds).all():
        low, high = wilson(int((values == greatest).sum()), len(values), level)
    else:
        low, high = bounded_mean((values - least) / (greatest - least), seed, level, num_resamples)
    return least + low * (greatest - least), least + high * (greatest - least)


def weighted_interval(values: Scores, weights: Scores, level: float = 0.95, bounds: Interval = UNBOUNDED) -> Interval:
    """Compute the interval of a weighted mean, which is a ratio of two sums; NaN for fewer than two values.

    Student's, of what each sample moves the ratio by (the delta method; Cochran, Sampling Techniques, section 6.3), cut
    off at the bounds. It holds for many samples of similar weight, and says too little where few weigh most.

    Args:
        values: One per sample, none NaN.
        weights: At least 0.
        level: Coverage, in (0, 1).
        bounds: Least and greatest value that a sample may have.
    """
    if len(values) < 2 or not weights.sum() > 0:
        return math.nan, math.nan
    mean = float((weights * values).sum() / weights.sum())
    low, high = student(mean + weights / weights.mean() * (values - mean), level)
    return max(low, bounds[0]), min(high, bounds[1])


def wilson(count: int, total: int, level: float = 0.95) -> Interval:
    """Compute the score interval of a proportion (Wilson, JASA 1927): what a test by the normal law would not reject.

    It has a width where all or none of the samples succeed: 40 of 40 give 91.2 to 100 %.

    Args:
        count: Samples that succeed.
        total: All of them, at least 1.
        level: Coverage, in (0, 1).
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate, extra = count / total, z * z / total
    centre = (rate + extra / 2) / (1 + extra)
    half = z / (1 + extra) * math.sqrt(rate * (1 - rate) / total + extra / (4 * total))
    # at the ends it is 0 and 1 but for rounding
    return 0.0 if count == 0 else max(centre - half, 0.0), 1.0 if count == total else min(centre + half, 1.0)


def bounded_mean(values: Scores, seed: int, level: float = 0.95, num_resamples: int = 10_000) -> Interval:
    """Compute the interval of the mean of values in [0, 1], whatever their distribution (Gaffke, 2005).

    Weights that sum to 1 are drawn evenly for the values and one more: for the low end that one is 0, for the high end
    it is 1, as if there were one sample more of the kind that might have been missed. An end is a quantile of the
    weighted means. For values that are all 0 or 1 this is the interval of Clopper and Pearson; for many samples it is
    the bootstrap's. A bootstrap alone cannot know of the clip in forty that fails outright where the sample has none.
    That it holds is a conjecture no counterexample is known of: Learned-Miller and Thomas, arXiv:1905.06208.

    Args:
        values: In [0, 1], at least one.
        seed: What is drawn is a function of the seed and the number of samples alone.
        level: Coverage, in (0, 1).
        num_resamples: Means drawn.
    """
    n = len(values)
    rng = numpy_rng("interval", seed, n)
    rows = max(1, _CHUNK // (n + 1))
    means, ends = [], []
    for start in range(0, num_resamples, rows):
        weights = rng.standard_exponential((min(rows, num_resamples - start), n + 1))
        weights /= weights.sum(1, keepdims=True)
        means.append((weights[:, :n] * values).sum(1))  # a product of matrices would depend on the chunk's size
        ends.append(weights[:, n])
    below, extra = np.concatenate(means), np.concatenate(ends)
    low, high = np.quantile(below, (1 - level) / 2), np.quantile(below + extra, (1 + level) / 2)
    return float(low), min(float(high), 1.0)


def student(values: Scores, level: float = 0.95) -> Interval:
    """Compute Student's interval of a mean: exact for normal values; no width where all are alike.

    Args:
        values: At least two.
        level: Coverage, in (0, 1).
    """
    half = _student_quantile((1 + level) / 2, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    mean = float(values.mean())
    return mean - half, mean + half


@lru_cache
def _student_quantile(level: float, degrees: int) -> float:
    """Find a quantile above 1/2 of Student's t = sqrt(degrees) tan(a), where a has the density cos(a)^(degrees - 1)."""
    angles = np.linspace(0, math.pi / 2, _GRID)
    density = np.cos(angles) ** (degrees - 1)
    area = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(degrees) * math.tan(float(np.interp(2 * level - 1, area / area[-1], angles)))
