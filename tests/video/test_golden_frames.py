"""Every frame carries its number: whatever is asked for, in whatever order, is what comes back."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.numbered import Encoding, cut_by_edit_list, encode, read_numbers

from veggie_pl.video.clip import ClipFile
from veggie_pl.video.media import Media
from veggie_pl.video.readers.decord import DecordReader
from veggie_pl.video.readers.listing import list_frames
from veggie_pl.video.readers.pyav import PyavReader

BFRAMES = "bframes=3:b-adapt=0:scenecut=0"
H264, OPEN_H264 = {"x264-params": BFRAMES}, {"x264-params": f"open-gop=1:keyint=8:{BFRAMES}"}
HEVC = {"x265-params": f"log-level=none:keyint=8:no-open-gop=1:{BFRAMES}"}
OPEN_HEVC = {"x265-params": f"log-level=none:keyint=8:open-gop=1:{BFRAMES}"}
VP9 = {"deadline": "realtime", "cpu-used": "8"}
AV1 = {"preset": "8", "crf": "20"}
VARIABLE = [int(time) for time in np.cumsum([25, 10, 50, 3, 100, 25, 25, 7] * 5) - 25]

# What decord reads, and right.
PLAIN = {
    "h264": Encoding("libx264"),
    "h264 without b": Encoding("libx264", options={"x264-params": "bframes=0"}),
    "h264 b": Encoding("libx264", options=H264),
    "h264 long gop, b pyramid": Encoding(
        "libx264", num_frames=120, gop_size=250, options={"x264-params": "bframes=5:b-adapt=0:b-pyramid=normal"}
    ),
    "h264 vfr": Encoding("libx264", times=VARIABLE, options=H264),
    "h264 mkv": Encoding("libx264", ".mkv", options=H264),
    "h264 mkv vfr": Encoding("libx264", ".mkv", times=VARIABLE, options=H264),
    "h264 mov": Encoding("libx264", ".mov", options=H264),
    "h264 fragments": Encoding("libx264", container={"movflags": "frag_keyframe+empty_moov"}, options=H264),
    "h264 10 bit": Encoding("libx264", pix_fmt="yuv420p10le"),
    "h264 odd size": Encoding("libx264", pix_fmt="yuv444p", size=(47, 65)),
    "h264 late start": Encoding("libx264", times=[25 * number + 300 for number in range(40)], options=H264),
    "h264 one frame": Encoding("libx264", num_frames=1),
    "hevc": Encoding("libx265", options=HEVC),
    "hevc 10 bit": Encoding("libx265", pix_fmt="yuv420p10le", options=HEVC),
    "hevc vfr": Encoding("libx265", times=VARIABLE, options=HEVC),
    "vp8 webm": Encoding("libvpx", ".webm", options={"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good"}),
    "vp9 webm": Encoding("libvpx-vp9", ".webm", options=VP9),
    "vp9 mp4": Encoding("libvpx-vp9", options=VP9),
    "vp9 vfr": Encoding("libvpx-vp9", ".webm", times=VARIABLE, options=VP9),
    "ffv1 mkv": Encoding("ffv1", ".mkv", pix_fmt="yuv444p"),
    "prores mov": Encoding("prores_ks", ".mov", pix_fmt="yuv422p10le"),
}
# Where decord is wrong, by the golden frames or by the containers it was found wrong in, and PyAV reads.
PYAV = {
    "h264 open gop": Encoding("libx264", options=OPEN_H264),
    "h264 open gop vfr": Encoding("libx264", times=VARIABLE, options=OPEN_H264),
    "h264 open gop mkv": Encoding("libx264", ".mkv", options=OPEN_H264),
    "h264 intra refresh": Encoding("libx264", options={"x264-params": "intra-refresh=1:keyint=8:bframes=0"}),
    "h264 avi": Encoding("libx264", ".avi", options=H264),
    "h264 ts": Encoding("libx264", ".ts", options=H264),
    "h264 open gop ts": Encoding("libx264", ".ts", options=OPEN_H264),
    "h264 flv": Encoding("libx264", ".flv", options=H264),
    "h264 stream": Encoding("libx264", ".h264", options=H264),
    "hevc open gop": Encoding("libx265", options=OPEN_HEVC),
    "hevc open gop mkv": Encoding("libx265", ".mkv", options=OPEN_HEVC),
    "mpeg4 b": Encoding("mpeg4", options={"bf": "2"}),
    "mpeg4 b avi": Encoding("mpeg4", ".avi", options={"bf": "2"}),
    "mpeg4 b mkv": Encoding("mpeg4", ".mkv", options={"bf": "2"}),
    "msmpeg4 avi": Encoding("msmpeg4v3", ".avi"),
    "mjpeg avi": Encoding("mjpeg", ".avi", pix_fmt="yuvj420p"),
    "mpeg2 ts": Encoding("mpeg2video", ".ts", options={"bf": "2"}),
    "mpeg2 mpg": Encoding("mpeg2video", ".mpg", options={"bf": "2"}),
    "av1 mp4": Encoding("libsvtav1", options=AV1),
    "av1 webm": Encoding("libsvtav1", ".webm", options=AV1),
    "av1 mkv vfr": Encoding("libsvtav1", ".mkv", times=VARIABLE, options=AV1),
}
ALL = PLAIN | PYAV


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
