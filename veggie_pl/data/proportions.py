"""Which of several choices draw i is: exact proportions, without state, in O(1) memory."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng

BLOCK = 4096  # draws in which every proportion is exact; one of them is the smallest that can be asked for


class Proportions:
    """Deals draws 0, 1, 2 ... to choices in proportion to their weights, in a seeded order.

    Each block of 4096 draws holds every choice as often as its weight says (rounded by largest remainder), in an order
    that depends on the key and the block alone. So the proportions of a long run are exact, not merely expected, and
    draw i, with how often its choice came before, is known without drawing 0 .. i - 1.

    Args:
        weights: Relative proportions, at least one above zero; zero means never.
        key: Seeds the order.

    Raises:
        UseError: If no weight is positive, one is negative or not finite, or there are more choices than a block has
            draws.
    """

    def __init__(self, weights: Sequence[float], *key: int | str) -> None:
        parts = np.asarray(weights, dtype=np.float64)
        if not len(parts) or not np.isfinite(parts).all() or (parts < 0).any() or parts.sum() == 0:
            raise UseError(f"weights must be >= 0 with at least one above 0, got {list(weights)}")
        if (parts > 0).sum() > BLOCK:
            raise UseError(f"{(parts > 0).sum()} choices with a weight, but at most {BLOCK} can be dealt to")
        exact = parts / parts.sum() * BLOCK
        quotas = np.floor(exact).astype(np.int64)
        quotas[(parts > 0) & (quotas == 0)] = 1
        while (missing := BLOCK - quotas.sum()) != 0:  # ends: each turn moves the sum towards BLOCK
            step = 1 if missing > 0 else -1
            eligible = (parts > 0) & (quotas + step > 0)
            quotas[np.argmax(np.where(eligible, (exact - quotas) * step, -np.inf))] += step
        self.quotas = quotas
        self.key = key
        self._block = lru_cache(maxsize=8)(self._deal)

    def which(self, draw: int) -> tuple[int, int]:
        """Return (choice, how often that choice was dealt before this draw)."""
        block, place = divmod(draw, BLOCK)
        choices, ranks = self._block(block)
        choice = int(choices[place])
        return choice, int(block * self.quotas[choice] + ranks[place])

    def counts(self, draws: int) -> np.ndarray:
        """How often each choice is dealt in the first ``draws`` draws."""
        block, place = divmod(draws, BLOCK)
        dealt = np.bincount(self._block(block)[0][:place], minlength=len(self.quotas))
        return block * self.quotas + dealt  # type: ignore[no-any-return]

    def _deal(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        ordered = np.repeat(np.arange(len(self.quotas)), self.quotas)
        choices = numpy_rng("allotment", *self.key, block).permutation(ordered)
        ranks = np.empty(BLOCK, dtype=np.int64)
        ranks[np.argsort(choices, kind="stable")] = np.concatenate([np.arange(quota) for quota in self.quotas])
        return choices, ranks

    def __getstate__(self) -> dict[str, object]:  # a cache does not travel to worker processes
        return {"quotas": self.quotas, "key": self.key}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._block = lru_cache(maxsize=8)(self._deal)


def shuffled(draw: int, length: int, *key: int | str) -> int:
    """Row for ``draw`` when a table of ``length`` rows is read in a new seeded order each epoch, in O(1) memory.

    A four-round Feistel network permutes the next power of four above ``length``; values past the end walk on along
    the permutation's cycle (format-preserving encryption, Black and Rogaway 2002), so each epoch is a permutation.
    """
    epoch, place = divmod(draw, length)
    half = max(1, ((length - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    rounds = _round_keys(epoch, *key)
    while True:
        left, right = place >> half, place & mask
        for constant in rounds:
            left, right = right, left ^ (_mix(right + constant) & mask)
        place = (left << half) | right
        if place < length:
            return place


@lru_cache(maxsize=256)
def _round_keys(*key: int | str) -> tuple[int, ...]:
    return tuple(int(value) for value in numpy_rng("shuffled", *key).integers(2**62, size=4))


def _mix(value: int) -> int:
    """The finaliser of SplitMix64: every input bit reaches every output bit."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)
