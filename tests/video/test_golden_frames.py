"""Every frame carries its number: whatever is asked for, in whatever order, is what comes back."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.encoded import ALL, H264, PLAIN, VARIABLE
from support.numbered import Encoding, cut_by_edit_list, encode, read_numbers

from veggie_pl.video.clip import ClipFile
from veggie_pl.video.media import Media
from veggie_pl.video.readers.decord import DecordReader
from veggie_pl.video.readers.listing import list_frames
from veggie_pl.video.readers.pyav import PyavReader


class Paths(dict[str, Path]):
    """Encodes a clip when a test first asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __missing__(self, name: str) -> Path:
        self[name] = encode(self.folder / name.replace(" ", "_"), ALL[name])
        return self[name]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return Paths(tmp_path_factory.mktemp("golden"))


def length(name: str) -> int:
    encoding = ALL[name]
    return encoding.num_frames if encoding.times is None else len(encoding.times)


def orders(total: int) -> list[list[int]]:
    """Ways to ask: in sequence, spread, at random, seek after seek, backwards, repeated."""
    rng = np.random.default_rng(0)
    spread = np.linspace(0, total - 1, 8).round().astype(int).tolist()
    seeks = [total - 1, 0, total // 2, total - 1, max(total // 2 - 1, 0), 0, 0]
    return [list(range(total)), spread, rng.integers(total, size=30).tolist(), seeks, list(range(total))[::-1]]


@pytest.mark.parametrize("name", ALL)
def test_frames_are_those_asked_for(paths: Paths, name: str) -> None:
    file = ClipFile(paths[name])
    assert file.reader == ("decord" if name in PLAIN else "pyav")
    assert file.info.num_frames == length(name)
    for numbers in orders(length(name)):
        assert read_numbers(file.at(numbers)) == numbers
    for number in orders(length(name))[2]:
        assert read_numbers(file.at([number])) == [number]
    assert file.reader == ("decord" if name in PLAIN else "pyav")


@pytest.mark.parametrize("name", ALL)
def test_pyav_finds_every_frame(paths: Paths, name: str) -> None:
    content = paths[name].read_bytes()
    reader = PyavReader(content, name, list_frames(content, name))
    for numbers in orders(length(name)):
        assert read_numbers(reader.get(numbers)) == numbers
    first = ClipFile(paths[name]).frames(0, 1)
    assert np.abs(reader.get([0]).astype(int) - first).max() <= 2  # both readers show the same colours


@pytest.mark.parametrize("name", ["h264 b", "hevc", "h264 open gop", "mpeg4 b avi"])
def test_frames_of_bytes_are_those_asked_for(paths: Paths, name: str) -> None:
    file = ClipFile(Media("no suffix", data=paths[name].read_bytes()))
    assert read_numbers(file.at([33, 2, 17])) == [33, 2, 17]


@pytest.mark.parametrize("name", ["h264 open gop", "hevc open gop", "h264 intra refresh", "mpeg4 b", "h264 avi"])
def test_decord_alone_returns_other_frames(paths: Paths, name: str) -> None:
    """Why the packets are looked at first; if this fails, decord has learnt it and may be trusted with more."""
    numbers = list(range(length(name)))[::-1]
    reader = DecordReader(paths[name], name, list_frames(paths[name], name))
    assert read_numbers(reader.get(numbers)) != numbers


@pytest.mark.parametrize(
    "name", ["h264 vfr", "h264 mkv vfr", "hevc vfr", "vp9 vfr", "h264 open gop vfr", "av1 mkv vfr"]
)
def test_clock_is_the_encoders(paths: Paths, name: str) -> None:
    file = ClipFile(paths[name])
    assert file.seconds == pytest.approx(np.array(VARIABLE) / 600, abs=1e-3)  # Matroska counts milliseconds
    assert file.info.fps == pytest.approx(39 / (VARIABLE[-1] / 600), rel=1e-3)


def test_clock_starts_at_the_first_frame(paths: Paths) -> None:
    assert ClipFile(paths["h264 late start"]).seconds == pytest.approx(np.arange(40) / 24, abs=1e-4)


def test_frames_before_the_start_are_not_shown(tmp_path: Path) -> None:
    """Negative times are cut by the muxer with an edit list; what is left begins inside a group of pictures."""
    times = [25 * number - 300 for number in range(40)]
    file = ClipFile(encode(tmp_path / "negative", Encoding("libx264", times=times, options=H264)))
    assert file.info.num_frames == 28
    for numbers in orders(28):
        assert read_numbers(file.at(numbers)) == [number + 12 for number in numbers]


def test_edit_lists_are_followed(tmp_path: Path) -> None:
    path = encode(tmp_path / "cut", Encoding("libx264", options=H264))
    frame = Fraction(1, 24) / list_frames(path, "").base
    file = ClipFile(cut_by_edit_list(path, 5 * int(frame)))
    assert file.reader == "pyav"
    assert read_numbers(file.frames()) == list(range(5, 40))
    assert read_numbers(file.at([30, 0])) == [35, 5]


def test_stream_that_begins_inside_a_group_starts_at_its_first_key_frame(paths: Paths, tmp_path: Path) -> None:
    content = paths["mpeg2 ts"].read_bytes()
    path = tmp_path / "late.ts"
    path.write_bytes(content[188 * (len(content) // 188 // 3) :])
    numbers = read_numbers(ClipFile(path).frames())
    assert numbers == list(range(numbers[0], 40))
    assert numbers[0] > 5


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("levels", ["tv", "pc"])
def test_colours_of_both_readers_agree(tmp_path: Path, matrix: str, levels: str) -> None:
    def colours(number: int, height: int, width: int) -> np.ndarray:
        bars = np.array([[220, 30, 30], [30, 200, 40], [40, 60, 210], [200, 200, 60]], np.uint8)
        return bars[np.arange(width) * 4 // width][None].repeat(height, 0)

    params = f"colormatrix={matrix}:range={levels}"
    path = encode(tmp_path / "bars", Encoding("libx264", frame=colours, options={"x264-params": params, "crf": "5"}))
    file = ClipFile(path)
    assert file.reader == "decord"
    strict = ClipFile(path, strict=True)
    assert strict.reader == "pyav"
    assert np.abs(file.frames().astype(int) - strict.frames()).max() <= 2
