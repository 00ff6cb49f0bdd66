"""Sound is copied as it is, in step with the pictures, or left out with a word."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from veggie_pl.video.clip import ClipFile
from veggie_pl.video.sound import Sound
from veggie_pl.video.writer import ClipWriter

RATE = 48000
# Container and codec; what an .mp4 cannot hold is None in the third place.
KINDS = {
    "aac": ("mp4", "aac", "aac"),
    "aac in mpegts": ("ts", "aac", "aac"),
    "mp3": ("mp4", "libmp3lame", "mp3float"),
    "ac3": ("mkv", "ac3", "ac3"),
    "opus": ("webm", "libopus", "opus"),
    "flac": ("mkv", "flac", "flac"),
    "alac": ("mov", "alac", "alac"),
    "tta": ("mkv", "tta", None),
    "pcm": ("mov", "pcm_s16le", "pcm_s16le"),
}


def clip(path: Path, codec: str | None, seconds: float = 1.0, late: float = 0.0, sound_late: float = 0.0) -> Path:
    """Ten frames a second, and a tone; either may begin late."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=10)
        video.height, video.width, video.pix_fmt = 32, 32, "yuv420p"
        audio = file.add_stream(codec, rate=RATE) if codec else None
        packets = []
        for number in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 20 * number % 250, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + round(late * 10), Fraction(1, 10)
            packets += video.encode(frame)
        packets += video.encode()
        if audio is not None:
            audio.layout = "mono"
            audio.format = audio.codec_context.codec.audio_formats[0]
            resampler = av.AudioResampler(audio.format, "mono", RATE, audio.codec_context.frame_size or 1024)
            tone = np.sin(np.arange(round(seconds * RATE)) * 2 * np.pi * 440 / RATE) * 0.3
            wave = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), "fltp", "mono")
            wave.rate, wave.pts, wave.time_base = RATE, round(sound_late * RATE), Fraction(1, RATE)
            for part in [*resampler.resample(wave), *resampler.resample(None)]:
                packets += audio.encode(part)
            packets += audio.encode()
        for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
            file.mux(packet)
    return path


def copy(source: Path, output: Path) -> None:
    file = ClipFile(source)
    with Sound(source, file.timing.origin) as sound, ClipWriter(output, file.timing, sound) as writer:
        writer.write(file.frames())


def packets_of(path: Path) -> list[bytes]:
    """All packets of the first sound, without the frame headers that MPEG-TS repeats in each."""
    with av.open(str(path)) as file:
        return [bytes(packet)[7 * (path.suffix == ".ts") :] for packet in file.demux(audio=0) if packet.size]


def heard(path: Path) -> tuple[float, float]:
    """Second at which the first picture is shown, and at which sound begins, by the file's own clock."""
    with av.open(str(path)) as file:
        first = next(file.decode(video=0))
    with av.open(str(path)) as file:
        return first.time, next(file.decode(audio=0)).time


@pytest.mark.parametrize("kind", KINDS)
def test_sound_is_copied_or_told_to_be_lost(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    suffix, encoder, kept = KINDS[kind]
    source = clip(tmp_path / f"in.{suffix}", encoder)
    with caplog.at_level(logging.WARNING):
        copy(source, tmp_path / "out.mp4")
    assert np.abs(ClipFile(tmp_path / "out.mp4").seconds - np.arange(10) / 10).max() < 1e-3
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert [stream.codec_context.name for stream in file.streams.audio] == ([kept] if kept else [])
    if kept:
        assert packets_of(tmp_path / "out.mp4") == packets_of(source)
        assert caplog.records == []
    else:
        (record,) = caplog.records
        assert ") is left out: an .mp4 cannot hold it" in record.getMessage()


@pytest.mark.parametrize(("late", "sound_late"), [(0.0, 0.0), (0.0, 0.4), (0.5, 0.0), (0.5, 0.5), (0.3, 0.7)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_stays_in_step(suffix: str, late: float, sound_late: float, tmp_path: Path) -> None:
    source = clip(tmp_path / f"in.{suffix}", "aac", late=late, sound_late=sound_late)
    copy(source, tmp_path / "out.mp4")
    (seen, sounds), (seen_before, sounds_before) = heard(tmp_path / "out.mp4"), heard(source)
    assert sounds - seen == pytest.approx(sounds_before - seen_before, abs=0.025)  # an AAC frame is 0.021 s
    assert ClipFile(tmp_path / "out.mp4").seconds.tolist() == pytest.approx(ClipFile(source).seconds.tolist(), abs=2e-3)
    assert min(seen, sounds) == pytest.approx(0, abs=0.025)


def test_clip_without_sound_has_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy(clip(tmp_path / "in.mp4", None), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert not file.streams.audio
    assert caplog.records == []


def test_longer_sound_is_kept_to_its_end(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", "aac", seconds=2)
    file = ClipFile(source)
    with Sound(source, file.timing.origin) as sound, ClipWriter(tmp_path / "out.mp4", file.timing, sound) as writer:
        writer.write(file.frames(0, 5))
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)
