"""When each frame of a clip is shown, exactly: whole ticks of a clock, so that an edit keeps its source's times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from veggie_pl.errors import UseError
from veggie_pl.video.readers.base import Seconds

MICROSECOND = Fraction(1, 1_000_000)
MAX_TICKS = 2**31 - 1  # of one frame in an MP4, and per second
FINE = 10_000  # ticks a second that players like to have at least


@dataclass(frozen=True)
class Timing:
    """The times of a clip's frames.

    Args:
        ticks: Frame k is on screen from ``ticks[k]`` to ``ticks[k + 1]``; ascending from 0, one more than there are
            frames.
        base: Seconds per tick.
        origin: Second of the file's own clock at which the first frame appears; None if nobody knows.
    """

    ticks: Sequence[int]
    base: Fraction
    origin: Fraction | None = None

    @classmethod
    def constant(cls, rate: float | Fraction, num_frames: int = 2**31) -> "Timing":
        """Frames at equal distances.

        >>> Timing.constant(30000 / 1001, 2)
        Timing(ticks=range(0, 3003, 1001), base=Fraction(1, 30000), origin=None)

        Args:
            rate: Frames per second; what a float stands for is found, such as 30000/1001.
            num_frames: How many, at most.

        Raises:
            UseError: If the rate is not positive.
        """
        if not 0 < rate < math.inf:
            raise UseError(f"{rate} frames per second are not possible")
        exact = rate if isinstance(rate, Fraction) else _fraction(rate)
        return cls(range(0, exact.denominator * (num_frames + 1), exact.denominator), Fraction(1, exact.numerator))

    @classmethod
    def of_seconds(cls, seconds: Seconds, last: float) -> "Timing":
        """Frames at any times, to the microsecond.

        Args:
            seconds: When each appears, from 0.
            last: For how many seconds the last one stays.
        """
        ends = [*seconds.tolist(), float(seconds[-1]) + last]
        return cls([round(one / MICROSECOND) for one in map(Fraction, ends)], MICROSECOND)

    @classmethod
    def of_ticks(cls, times: Sequence[int], base: Fraction, last: int) -> "Timing":
        """Frames by their times in a file.

        Times that are an even rate rounded to the file's ticks, as milliseconds of Matroska at 30000/1001 frames per
        second are, become that rate again.

        Args:
            times: Of each frame, ascending, in ticks of the file's own clock.
            base: Seconds per tick.
            last: For how many ticks the last frame stays; 0 if the file does not say: as long as others on average.
        """
        origin, ticks = times[0] * base, [time - times[0] for time in times]
        if last < 1:
            last = (
                max(1, round(ticks[-1] / (len(ticks) - 1))) if len(ticks) > 1 else max(1, round(Fraction(1, 8) / base))
            )
        ticks.append(ticks[-1] + last)
        even = _even(ticks, base)
        if even is not None:
            steady = cls.constant(even, len(times))
            return cls(steady.ticks, steady.base, origin)
        return cls(ticks, base, origin)

    def for_mp4(self) -> tuple[Sequence[int], int]:
        """Give the ticks of a clock that an MP4 can have, and how many of them make a second.

        It is this clock wherever an MP4 can hold it; a frame of many hours needs a coarser one.
        """
        ticks: Sequence[int]
        if isinstance(self.ticks, range):
            unit, ticks, longest = self.base, self.ticks, self.ticks.step
        else:
            common = math.gcd(*self.ticks) or 1
            unit, ticks = self.base * common, [tick // common for tick in self.ticks]
            longest = max(stop - start for start, stop in pairwise(ticks))
        rate = unit.denominator
        limit = max(1, min(MAX_TICKS, math.floor(MAX_TICKS / (unit * longest))))
        if rate > limit and isinstance(ticks, range):
            step = max(1, round(ticks.step * unit * limit))
            return range(0, step * len(ticks), step), limit
        if rate > limit:
            return _ascending([round(tick * unit * limit) for tick in ticks]), limit
        while rate < FINE and rate * 2 <= limit:
            rate *= 2
        factor = int(unit * rate)
        if isinstance(ticks, range):
            return range(0, ticks.stop * factor, ticks.step * factor), rate
        return [tick * factor for tick in ticks], rate


def _fraction(rate: float) -> Fraction:
    """Return the simplest fraction that a float can have been."""
    for largest in (1001, 1_000_000):
        found = Fraction(rate).limit_denominator(largest)
        if found and abs(found - Fraction(rate)) <= Fraction(rate) / 10**9:
            return found
    return Fraction(rate)


def _even(ticks: Sequence[int], base: Fraction) -> Fraction | None:
    """Frames per second, if all times are those of an even rate: exactly, or rounded to the nearest tick."""
    steps = {stop - start for start, stop in pairwise(ticks[:-1])}
    if len(steps) == 1:
        step = steps.pop()
        return 1 / (step * base) if ticks[-1] - ticks[-2] == step else None
    if len(steps) != 2 or max(steps) - min(steps) > 1:
        return None
    average = (len(ticks) - 2) / (ticks[-2] * base)
    for rate in (Fraction(round(average)), Fraction(round(average * 1001 / 1000) * 1000, 1001)):
        if rate and all(abs(number / rate / base - tick) <= Fraction(1, 2) for number, tick in enumerate(ticks[:-1])):
            return rate
    return None


def _ascending(ticks: list[int]) -> list[int]:
    """Round ticks, no two of them the same."""
    for place in range(1, len(ticks)):
        ticks[place] = max(ticks[place], ticks[place - 1] + 1)
    return ticks
