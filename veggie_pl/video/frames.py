"""Which frames of a clip are taken: pure functions from its clock to frame numbers.

A frame is on screen from the second it appears until the next one does. All policies look at the same window of the
clip, ``[start, stop)`` in seconds, and give numbers in ascending order.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from veggie_pl.errors import UseError

Clock = Float64[np.ndarray, " n"]  # seconds at which each frame appears, ascending from 0; NaN: nobody knows
KINDS = ("uniform", "fps", "consecutive")
ROUNDING = 1e-3  # seconds; annotations round their times, containers as well


def window(clock: Clock, start: float = 0.0, stop: float = 0.0) -> range:
    """Frames that are on screen at some moment of ``[start, stop)``; a ``stop`` of 0 is the end.

    >>> window(np.array([0.0, 0.5, 1.0, 1.5]), 0.7, 1.5)
    range(1, 3)

    Raises:
        UseError: If there is no such frame, or times are asked for that nobody knows.
    """
    if not start and not stop:
        return range(len(clock))
    if not (0 <= start < np.inf and 0 <= stop < np.inf) or (stop and stop <= start):
        raise UseError(f"a part from {start} s to {stop} s is none")
    if np.isnan(clock).any():
        raise UseError(f"a part from {start} s to {stop} s is asked for, but its frame rate is not known")
    first = int(np.searchsorted(clock, start + ROUNDING, side="right")) - 1
    after = int(np.searchsorted(clock, stop - ROUNDING)) if stop else len(clock)
    if start > clock[-1] + _interval(clock) + ROUNDING:
        raise UseError(f"the part from {start} s on lies behind its end at {clock[-1]:.3f} s")
    return range(first, max(after, first + 1))


def uniform(frames: range, num_frames: int) -> list[int]:
    """Evenly spaced from the first to the last frame; a shorter clip repeats some.

    >>> uniform(range(9), 3)
    [0, 4, 8]
    """
    last = frames[-1] if num_frames > 1 else frames[0]
    return [int(number) for number in np.linspace(frames[0], last, num_frames).round()]


def at_rate(clock: Clock, frames: range, num_frames: int, fps: float) -> list[int]:
    """Pick what is on screen every ``1 / fps`` seconds, from the first frame on, by the clip's own clock.

    >>> at_rate(np.array([0.0, 0.1, 0.2, 1.0, 1.1]), range(5), 3, fps=2.0)
    [0, 2, 3]

    Raises:
        UseError: If the clip ends before, or has no clock.
    """
    if num_frames == 1:
        return [frames[0]]
    times = clock[frames[0]] + np.arange(num_frames) / fps
    if np.isnan(times).any():
        raise UseError(f"{num_frames} frames at {fps} per second are asked for, but its frame rate is not known")
    end = clock[frames[-1]] + _interval(clock)
    if times[-1] > end - ROUNDING:
        raise UseError(f"{num_frames} frames at {fps} per second take {times[-1] - times[0]:.3f} s; it ends before")
    numbers = np.searchsorted(clock, times + ROUNDING, side="right") - 1
    return [int(number) for number in numbers.clip(frames[0], frames[-1])]


def consecutive(frames: range, num_frames: int, stride: int, rng: np.random.Generator) -> list[int]:
    """Pick every ``stride``-th frame, from a start that the generator draws; all starts that fit are equally likely.

    Raises:
        UseError: If the clip is too short.
    """
    span = (num_frames - 1) * stride + 1
    if span > len(frames):
        raise UseError(f"{num_frames} frames with a stride of {stride} span {span} frames; it has {len(frames)}")
    first = frames[0] + int(rng.integers(len(frames) - span + 1))
    return list(range(first, first + span, stride))


@dataclass(frozen=True)
class Sampling:
    """A policy with its numbers.

    Args:
        kind: One of ``KINDS``: ``uniform`` spreads the frames over the clip, ``fps`` takes what is on screen every
            1 / fps seconds, ``consecutive`` every stride-th frame from a start drawn by chance.
        fps: Frames per second, for ``fps``.
        stride: Frames from one to the next, for ``consecutive``.

    Raises:
        UseError: If the kind is unknown or a number is not positive.
    """

    kind: str = "uniform"
    fps: float = 8.0
    stride: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UseError(f"sampling {self.kind!r} is unknown; the choices are {', '.join(KINDS)}")
        if not (0 < self.fps < np.inf and self.stride > 0):
            raise UseError(f"sampling needs a positive fps and stride, got {self.fps} and {self.stride}")

    def numbers(
        self, clock: Clock, num_frames: int, rng: np.random.Generator, start: float = 0.0, stop: float = 0.0
    ) -> list[int]:
        """Frames to take of a clip with this clock.

        Args:
            clock: Of the clip.
            num_frames: How many.
            rng: Draws the start of ``consecutive``; the others leave it alone.
            start: First second that counts.
            stop: Second at which it ends; 0 is the clip's own end.

        Raises:
            UseError: If the clip or its part is too short.
        """
        if num_frames < 1:
            raise UseError(f"at least one frame must be asked for, got {num_frames}")
        frames = window(clock, start, stop)
        if self.kind == "fps":
            return at_rate(clock, frames, num_frames, self.fps)
        if self.kind == "consecutive":
            return consecutive(frames, num_frames, self.stride, rng)
        return uniform(frames, num_frames)


def _interval(clock: Clock) -> float:
    """Tell how long the last frame stays: as long as the others on average."""
    return float(clock[-1] - clock[0]) / (len(clock) - 1) if len(clock) > 1 else 0.0
