"""Frames keep their own times from any file to an MP4, and an even rate stays that rate."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from veggie_pl.video.clip import ClipFile
from veggie_pl.video.readers.images import reads_avif
from veggie_pl.video.timing import MAX_TICKS, Timing
from veggie_pl.video.writer import ClipWriter


def video(path: Path, times: list[int], base: Fraction, rate: int = 10, last: int = 0) -> Path:
    """Frames of gray levels 0, 10, 20 ... at these times."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.height, stream.width, stream.pix_fmt, stream.codec_context.time_base = 32, 32, "yuv444p", base
        stream.codec_context.max_b_frames = 0
        packets = []
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 10 * number % 250, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, base
            packets += stream.encode(frame)
        packets += stream.encode()
        for packet in packets:
            if packet.pts == times[-1]:
                packet.duration = last
            file.mux(packet)
    return path


def length(path: Path) -> float:
    """Seconds until the last frame goes."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return float(stream.duration * stream.time_base)


CASES = {
    "30 fps": ("a.mp4", list(range(0, 60, 3)), Fraction(1, 90)),
    "30000/1001 fps": ("a.mp4", list(range(0, 30030, 1001)), Fraction(1, 30000)),
    "30000/1001 fps in milliseconds": ("a.mkv", list(range(0, 60060, 1001)), Fraction(1, 30000)),
    "23.976 fps in milliseconds": ("a.mkv", list(range(0, 60060, 1001)), Fraction(1, 24000)),
    "still, then motion": ("a.mp4", [0, 300, 310, 320, 330, 340], Fraction(1, 100)),
    "slows in the dark": ("a.mp4", [0, 3, 6, 9, 12, 15, 22, 29, 36, 43], Fraction(1, 100)),
    "uneven in milliseconds": ("a.mkv", [0, 33, 70, 71, 500, 533], Fraction(1, 1000)),
    "a picture an hour": ("a.mkv", [0, 360000, 720000], Fraction(1, 100)),
    "a picture an hour in mp4": ("a.mp4", [0, 3600, 7200, 7201], Fraction(1)),
    "60,000 fps": ("a.mp4", [0, 1, 2, 3, 4], Fraction(1, 60000)),
    "90,000 fps, then a minute": ("a.mp4", [0, 1, 2, 90_000 * 60], Fraction(1, 90000)),
    "first frame late": ("a.mp4", [50, 60, 90], Fraction(1, 100)),
    "two": ("a.mp4", [0, 7], Fraction(1, 100)),
    "one": ("a.mp4", [0], Fraction(1, 100)),
}


@pytest.mark.parametrize("case", CASES)
def test_written_frames_keep_the_times_of_what_was_read(case: str, tmp_path: Path) -> None:
    name, times, base = CASES[case]
    source = ClipFile(video(tmp_path / name, times, base, last=9))
    with ClipWriter(tmp_path / "out.mp4", source.timing) as writer:
        writer.write(source.frames())
    written = ClipFile(tmp_path / "out.mp4")
    tick = float(Fraction(1, 1000) if name.endswith("mkv") else base)
    assert np.abs(written.seconds - source.seconds).max() <= (0.51 * tick if "milliseconds" in case else 1e-9)
    assert np.abs(written.frames().astype(int) - source.frames()).max() <= 3
    if name.endswith("mp4"):
        assert length(tmp_path / "out.mp4") == pytest.approx(float((times[-1] - times[0] + 9) * base), abs=1e-6)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(15, 2)])
def test_even_rate_stays_exact(suffix: str, rate: Fraction, tmp_path: Path) -> None:
    times = list(range(0, rate.denominator * 90, rate.denominator))
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=rate)
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        for number, _ in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    source = ClipFile(path)
    with ClipWriter(tmp_path / "out.mp4", source.timing) as writer:
        writer.write(source.frames())
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.streams.video[0].average_rate == rate
        assert file.streams.video[0].frames == 90


def test_animation_keeps_its_times(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((16, 16, 3), 60 * k, np.uint8)) for k in range(4)]
    for suffix in ("gif", "webp", "png", *(["avif"] if reads_avif() else [])):
        path = tmp_path / f"a.{suffix}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 2000, 40, 330])
        source = ClipFile(path)
        with ClipWriter(tmp_path / f"{suffix}.mp4", source.timing) as writer:
            writer.write(source.frames())
        assert ClipFile(tmp_path / f"{suffix}.mp4").seconds.tolist() == pytest.approx([0, 0.1, 2.1, 2.14], abs=1e-6)
        assert length(tmp_path / f"{suffix}.mp4") == pytest.approx(2.47, abs=1e-6)


@pytest.mark.parametrize("rate", [1e-9, 1 / 3600, 0.1, 7.5, 29.97, 30000 / 1001, 60000.0, 1e6, 3.14159])
def test_any_rate_can_be_written(rate: float, tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "out.mp4", rate) as writer:
        writer.write(np.zeros((3, 16, 16, 3), np.uint8))
    assert ClipFile(tmp_path / "out.mp4").seconds.tolist() == pytest.approx([0, 1 / rate, 2 / rate], rel=1e-3)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_no_rate_at_all_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="frames per second are not possible"):
        Timing.constant(rate)


def test_clock_of_an_mp4_is_coarser_where_a_frame_stays_long() -> None:
    assert Timing([0, 1, 3], Fraction(1, 100)).for_mp4() == ([0, 128, 384], 12800)
    ticks, rate = Timing([0, 1, 3600 * 10**9, 3600 * 10**9 + 1], Fraction(1, 10**9)).for_mp4()
    assert max(np.diff(ticks)) <= MAX_TICKS
    assert min(np.diff(ticks)) == 1  # no two frames at one time
    assert ticks[2] / rate == pytest.approx(3600, abs=1 / rate)


def test_even_times_are_recognized_only_where_they_are() -> None:
    milli = Fraction(1, 1000)
    ntsc = [round(k * 1001 / 30) for k in range(40)]
    assert Timing.of_ticks(ntsc, milli, 33).base == Fraction(1, 30000)
    assert Timing.of_ticks([0, 40, 80, 120], milli, 40).for_mp4()[1] % 25 == 0
    shaken = [*ntsc[:20], ntsc[20] + 1, *ntsc[21:]]
    assert list(Timing.of_ticks(shaken, milli, 33).ticks) == [*shaken, shaken[-1] + 33]
    assert Timing.of_ticks([5, 15, 25], milli, 0) == Timing.of_ticks([5, 15, 25], milli, 10)
    assert Timing.of_ticks([5, 15], milli, 10).origin == Fraction(5, 1000)
