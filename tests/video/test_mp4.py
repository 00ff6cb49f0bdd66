"""Clips encoded in memory are those that files hold, and nothing is lost where nothing may be."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from veggie_pl.errors import UseError
from veggie_pl.video.clip import ClipFile
from veggie_pl.video.mp4 import decode_mp4, encode_mp4
from veggie_pl.video.writer import ClipWriter


def scene(num_frames: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    wide = cv2.resize(
        rng.integers(0, 255, (8, 8, 3), dtype=np.uint8), (width + 30, height), interpolation=cv2.INTER_CUBIC
    )
    return np.stack([wide[:, number : number + width] for number in range(num_frames)])


@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 47), (160, 130)])
def test_lossless_clip_comes_back_to_the_bit(tmp_path: Path, height: int, width: int) -> None:
    frames = scene(5, height, width)
    data = encode_mp4(frames, 8.0, lossless=True)
    np.testing.assert_array_equal(decode_mp4(data), frames)
    (tmp_path / "a.mp4").write_bytes(data)
    file = ClipFile(tmp_path / "a.mp4")
    np.testing.assert_array_equal(file.frames(), frames)
    assert (file.info.num_frames, file.info.fps) == (5, 8.0)


def test_clip_in_memory_is_the_clip_in_a_file(tmp_path: Path) -> None:
    frames = scene(6, 64, 64)
    data = encode_mp4(frames, 12.5, preset="medium")
    with ClipWriter(tmp_path / "a.mp4", 12.5) as writer:
        writer.write(frames)
    written = ClipFile(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(data)
    own = ClipFile(tmp_path / "b.mp4")
    assert own.timing == written.timing
    assert np.abs(own.frames().astype(int) - written.frames()).mean() < 1
    assert np.abs(own.frames().astype(int) - frames).mean() < 3
    assert encode_mp4(frames, 12.5, preset="medium") == data  # the same bytes again


def test_impossible_clips_are_refused() -> None:
    with pytest.raises(UseError, match="no frame"):
        encode_mp4(np.zeros((0, 16, 16, 3), np.uint8), 8.0)
    with pytest.raises(UseError, match="frames per second"):
        encode_mp4(scene(2, 16, 16), 0.0)
    with pytest.raises(av.FFmpegError):
        decode_mp4(b"no video at all")
