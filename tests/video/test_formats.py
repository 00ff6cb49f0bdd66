"""Kinds of files by how they begin, on files that real writers made."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from veggie_pl.video.formats import HEAD, is_clip, picture_kind, video_kind
from veggie_pl.video.readers.images import reads_avif

PICTURES = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}
VIDEOS = {
    "mp4": ("mpeg4", ".mp4"),
    "mov": ("mpeg4", ".mp4"),
    "matroska": ("mpeg4", ".mkv"),
    "webm": ("vp8", ".mkv"),
    "avi": ("mpeg4", ".avi"),
    "mpegts": ("mpeg2video", ".ts"),
    "mpeg": ("mpeg1video", ".mpg"),
    "flv": ("flv1", ".flv"),
    "ivf": ("vp8", ".ivf"),
    "asf": ("mpeg4", ".asf"),
}


def picture(kind: str) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(data, kind)
    return data.getvalue()


def video(container: str, codec: str) -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", format=container) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode())
    return data.getvalue()


@pytest.mark.parametrize(
    "kind", [*PICTURES, pytest.param("AVIF", marks=pytest.mark.skipif(not reads_avif(), reason="Pillow lacks AVIF"))]
)
def test_pictures_are_told_by_their_first_bytes(kind: str, tmp_path: Path) -> None:
    data = picture(kind)
    assert picture_kind(data[:HEAD]) == PICTURES.get(kind, ".avif")
    assert not video_kind(data[:HEAD])
    (tmp_path / "nameless").write_bytes(data)
    assert is_clip(tmp_path / "nameless")


@pytest.mark.parametrize("container", VIDEOS)
def test_videos_are_told_by_their_first_bytes(container: str, tmp_path: Path) -> None:
    codec, suffix = VIDEOS[container]
    data = video(container, codec)
    assert video_kind(data[:HEAD]) == suffix
    assert not picture_kind(data[:HEAD])
    (tmp_path / "nameless").write_bytes(data)
    assert is_clip(tmp_path / "nameless")


@pytest.mark.parametrize("data", [b"", b"R", b"RIFF....WAVE", b"hello, world", b"\x47" * 10, b"\0" * HEAD])
def test_other_files_are_neither(data: bytes, tmp_path: Path) -> None:
    assert not picture_kind(data)
    assert not video_kind(data)
    (tmp_path / "clip.mp4").write_bytes(data)
    assert not is_clip(tmp_path / "clip.mp4")
