"""Clips on disk have the colours they were given, for every player, and are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace, VideoReformatter

from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.writer import ClipWriter, check_fits

PATCHES = np.array([(200, 30, 30), (30, 200, 30), (30, 30, 200), (255, 0, 0), (128, 128, 128)], np.uint8)


def patches(height: int, width: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for k, color in enumerate(PATCHES):
        image[:, k * width // 5 : (k + 1) * width // 5] = color
    return image


def error(image: np.ndarray) -> int:
    """The largest difference in the middle of a patch."""
    height, width = image.shape[:2]
    return int(np.abs(image[height // 2, width // 10 :: width // 5][:5].astype(int) - PATCHES).max())


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (64, 80), (33, 55), (128, 160)])
def test_colours_are_those_of_bt709_and_say_so(height: int, width: int, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with ClipWriter(path, 10.0) as writer:
        writer.write(np.stack([patches(height, width)] * 3))
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        frame = next(file.decode(video=0))
    assert error(VideoReformatter().reformat(frame, format="rgb24", src_colorspace=Colorspace.ITU709).to_ndarray()) <= 3
    assert error(ClipFile(path).at([1])[0]) <= 3
    assert error(ClipFile(path, strict=True).at([1])[0]) <= 3  # through PyAV


@pytest.mark.parametrize(("matrix", "space"), [(1, Colorspace.ITU709), (6, Colorspace.ITU601), (9, Colorspace.BT2020)])
@pytest.mark.parametrize("full", [False, True])
def test_readers_see_what_a_source_is_tagged_with(matrix: int, space: Colorspace, full: bool, tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt, stream.options = 64, 80, "yuv444p", {"crf": "5"}
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = matrix, 1, 1, 1 + full
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(patches(64, 80), format="rgb24")
            frame = VideoReformatter().reformat(
                frame, format="yuv444p", dst_colorspace=space, dst_color_range=1 + full, threads=1
            )
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    for strict in (False, True):
        assert error(ClipFile(path, strict=strict).at([1])[0]) <= 3


@pytest.mark.parametrize(
    ("name", "frames", "height", "width", "message"),
    [
        ("out.mp4", 2, 2, 16386, r"out.mp4: 16386 x 2 pixels; .mp4 takes at most 16384 a side"),
        ("out.mp4", 2, 65535, 1, r"1 x 65535 pixels; .mp4 takes at most 16384"),
        ("out.webp", 1, 2, 16384, r"takes at most 16383"),
        ("out.JPG", 1, 65535, 2, r"takes at most 65500"),
        ("out.png", 2, 2, 2, r"an image holds one frame; name an .mp4"),
    ],
)
def test_what_an_encoder_refuses_is_one_error(
    name: str, frames: int, height: int, width: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ClipError, match=message), ClipWriter(tmp_path / name, 10.0) as writer:
        writer.write(np.zeros((frames, height, width, 3), np.uint8))
    with pytest.raises(ClipError, match=message):
        check_fits(tmp_path / name, frames, height, width)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.mp4", "out.webp", "out.jpg", "out.tiff", "out.bmp"])
def test_what_is_said_to_fit_fits(name: str, tmp_path: Path) -> None:
    width = {"out.mp4": 16384, "out.webp": 16383, "out.jpg": 65500}.get(name, 65535)
    frames = np.zeros((1, 2, width, 3), np.uint8)
    check_fits(tmp_path / name, *frames.shape[:3])
    with ClipWriter(tmp_path / name, 10.0) as writer:
        writer.write(frames)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def write_then(path: Path, action: Callable[[ClipWriter], object]) -> None:
    with ClipWriter(path, 10.0) as writer:
        writer.write(np.zeros((3, 16, 16, 3), np.uint8))
        action(writer)


def interrupt(writer: ClipWriter) -> None:
    raise KeyboardInterrupt


def test_refusal_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"out.mp4: 20 x 16 pixels cannot be written"):
        write_then(tmp_path / "out.mp4", lambda writer: writer.write(np.zeros((3, 16, 20, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_then(path, interrupt)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize(
    "name", ["10:30.mp4", "concat:a.mp4", "pipe:1.mp4", "%03d.mp4", "file:x.mp4", "-x.mp4", "a?b#c*[1]|.mp4", "🎬.mp4"]
)
def test_names_are_no_addresses_and_no_patterns(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames = np.stack([np.full((16, 16, 3), 60 * k, np.uint8) for k in range(4)])
    with ClipWriter(name, 10.0) as writer:
        writer.write(frames)
    assert os.listdir(tmp_path) == [name]
    for strict, reader in ((False, "decord"), (True, "pyav")):
        file = ClipFile(name, strict=strict)
        assert file.reader == reader
        assert np.abs(file.frames().astype(int) - frames).max() <= 3
    picture = name.replace(".mp4", ".png")
    with ClipWriter(picture, 10.0) as writer:
        writer.write(frames[:1])
    assert np.array_equal(ClipFile(picture).frames(), frames[:1])
