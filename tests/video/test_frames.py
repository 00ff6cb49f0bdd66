import numpy as np
import pytest

from veggie_pl.seeding import numpy_rng
from veggie_pl.video.frames import Sampling, at_rate, consecutive, uniform, window

STEADY = np.arange(8) / 4  # 4 frames per second, 2 seconds
UNEVEN = np.array([0.0, 0.1, 0.2, 1.0, 1.1, 3.0])
UNKNOWN = np.full(8, np.nan)
RNG = numpy_rng("unused")


@pytest.mark.parametrize(
    ("clock", "start", "stop", "expected"),
    [
        (STEADY, 0.0, 0.0, range(8)),
        (STEADY, 0.5, 0.0, range(2, 8)),
        (STEADY, 0.0, 0.5, range(2)),  # the frame that appears at 0.5 s is no longer in it
        (STEADY, 0.6, 1.1, range(2, 5)),  # frame 2 is on screen at 0.6 s
        (STEADY, 0.4999, 0.7501, range(2, 3)),  # times are rounded by whoever wrote them down
        (STEADY, 0.3, 0.4, range(1, 2)),
        (STEADY, 1.9, 9.0, range(7, 8)),
        (UNEVEN, 0.5, 1.05, range(2, 4)),
        (UNKNOWN, 0.0, 0.0, range(8)),
    ],
)
def test_window_holds_what_is_on_screen(clock: np.ndarray, start: float, stop: float, expected: range) -> None:
    assert window(clock, start, stop) == expected


@pytest.mark.parametrize("times", [(-1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (np.nan, 0.0), (0.0, np.inf), (2.5, 0.0)])
def test_window_that_is_none_is_an_error(times: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"part from .* s"):
        window(STEADY, *times)


def test_window_needs_a_clock() -> None:
    with pytest.raises(ValueError, match="frame rate is not known"):
        window(UNKNOWN, 1.0, 2.0)


@pytest.mark.parametrize(
    ("frames", "num_frames", "expected"),
    [
        (range(9), 3, [0, 4, 8]),
        (range(9), 1, [0]),
        (range(9), 9, list(range(9))),
        (range(2), 4, [0, 0, 1, 1]),
        (range(1), 3, [0, 0, 0]),
        (range(10, 20), 2, [10, 19]),
    ],
)
def test_uniform_spreads_from_first_to_last(frames: range, num_frames: int, expected: list[int]) -> None:
    assert uniform(frames, num_frames) == expected


@pytest.mark.parametrize(
    ("clock", "frames", "num_frames", "fps", "expected"),
    [
        (STEADY, range(8), 4, 2.0, [0, 2, 4, 6]),
        (STEADY, range(8), 8, 4.0, list(range(8))),
        (STEADY, range(3, 8), 3, 2.0, [3, 5, 7]),
        (STEADY, range(8), 4, 8.0, [0, 0, 1, 1]),  # faster than the clip: frames stay on screen
        (UNEVEN, range(6), 4, 2.0, [0, 2, 3, 4]),  # at 0, 0.5, 1.0 and 1.5 s
        (UNEVEN, range(6), 2, 1 / 3, [0, 5]),
        (np.zeros(1), range(1), 1, 2.0, [0]),
        (UNKNOWN, range(2, 8), 1, 2.0, [2]),
        (np.arange(30) / 29.97, range(30), 3, 29.97 / 10, [0, 10, 20]),
    ],
)
def test_rate_follows_the_clock(
    clock: np.ndarray, frames: range, num_frames: int, fps: float, expected: list[int]
) -> None:
    assert at_rate(clock, frames, num_frames, fps) == expected


def test_rate_needs_a_clock_and_time_enough() -> None:
    with pytest.raises(ValueError, match=r"5 frames at 2\.0 per second take 2\.000 s"):
        at_rate(STEADY, range(8), 5, 2.0)
    with pytest.raises(ValueError, match="frame rate is not known"):
        at_rate(UNKNOWN, range(8), 2, 2.0)


def test_consecutive_starts_where_the_generator_says() -> None:
    starts = [consecutive(range(10, 20), 3, 3, numpy_rng("start", seed)) for seed in range(200)]
    assert {tuple(numbers) for numbers in starts} == {(first, first + 3, first + 6) for first in (10, 11, 12, 13)}
    assert consecutive(range(10, 20), 3, 3, numpy_rng("start", 7)) == starts[7]
    assert consecutive(range(7), 3, 3, RNG) == [0, 3, 6]
    counts = np.bincount([numbers[0] for numbers in starts])[10:]
    assert counts.min() > 30


def test_consecutive_needs_frames_enough() -> None:
    with pytest.raises(ValueError, match="3 frames with a stride of 3 span 7 frames; it has 6"):
        consecutive(range(6), 3, 3, RNG)


def test_sampling_names_its_choices() -> None:
    with pytest.raises(ValueError, match=r"'random' is unknown; the choices are uniform, fps, consecutive"):
        Sampling("random")
    for wrong in ({"fps": 0.0}, {"fps": np.nan}, {"stride": 0}):
        with pytest.raises(ValueError, match="positive fps and stride"):
            Sampling(**wrong)
    with pytest.raises(ValueError, match="at least one frame"):
        Sampling().numbers(STEADY, 0, RNG)


def test_sampling_applies_its_policy_to_the_window() -> None:
    assert Sampling().numbers(STEADY, 2, RNG, 0.5, 1.5) == [2, 5]
    assert Sampling("fps", fps=2.0).numbers(STEADY, 2, RNG, 0.5, 1.5) == [2, 4]
    assert Sampling("consecutive", stride=2).numbers(STEADY, 2, RNG, 0.5, 1.25) == [2, 4]
