"""How sure the mean of differences between pairs is."""

import math

import numpy as np
from jaxtyping import Float

from veggie_pl.seeding import numpy_rng

NUM_RESAMPLES = 10_000
LEVEL = 0.95
_CHUNK = 2**22  # positions drawn at a time: 32 MiB


def paired_bootstrap(
    gains: Float[np.ndarray, " n"], seed: int, level: float = LEVEL, num_resamples: int = NUM_RESAMPLES
) -> tuple[float, float, float]:
    """Bootstrap the mean of differences of pairs.

    Args:
        gains: One per pair, finite.
        seed: What is drawn is a function of the seed and the number of pairs alone.
        level: Coverage, in (0, 1).
        num_resamples: Resamples drawn.

    Returns:
        Both ends of the interval, and the share of resamples in which the sign flips; NaN for fewer than two pairs.
    """
    n = len(gains)
    if n < 2:
        return math.nan, math.nan, math.nan
    rng = numpy_rng("paired", seed, n)
    rows = max(1, _CHUNK // n)
    sizes = [min(rows, num_resamples - start) for start in range(0, num_resamples, rows)]
    means = np.concatenate([gains[rng.integers(n, size=(size, n))].mean(1) for size in sizes])
    mean = gains.mean()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    signs = np.sign(means) * np.sign(mean)
    flips = float((signs < 0).mean() + (signs == 0).mean() / 2) if mean else math.nan
    return float(low), float(high), flips
