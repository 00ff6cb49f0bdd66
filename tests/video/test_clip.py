from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.fake import bad_files, pattern, write_fake

from veggie_pl.errors import UseError
from veggie_pl.video.clip import ClipError, ClipFile, clips_in, read_clip, resize, to_clip
from veggie_pl.video.writer import ClipWriter, write_clip


def test_frames_of_another_encoder_are_read(tmp_path: Path) -> None:
    file = ClipFile(write_fake(tmp_path / "in.mp4", 10, 64, 48, 12.0))
    assert (file.info.num_frames, file.info.height, file.info.width) == (10, 48, 64)
    assert file.info.fps == pytest.approx(12.0)
    frames = file.frames()
    assert np.abs(frames.astype(float) - pattern(10, 64, 48)).mean() < 12


def test_parts_equal_the_whole(tmp_path: Path) -> None:
    file = ClipFile(write_fake(tmp_path / "in.mp4", 10))
    whole = file.frames()
    assert np.array_equal(file.frames(3, 6), whole[3:6])
    assert np.array_equal(file.frames(9, 10), whole[9:])
    assert np.array_equal(file.frames(0, 2), whole[:2])


def test_pick_spreads_frames_from_first_to_last(tmp_path: Path) -> None:
    file = ClipFile(write_fake(tmp_path / "in.mp4", 9))
    whole = file.frames()
    assert np.array_equal(file.pick(3), whole[[0, 4, 8]])
    assert len(file.pick(20)) == 20


@pytest.mark.parametrize("size", [(64, 48), (33, 47), (1, 1), (48, 31), (8, 8), (9, 20)])
def test_what_is_written_is_read_back(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    clip = torch.stack([x, y, (x + y) / 2]).expand(5, 3, height, width)
    write_clip(tmp_path / "out.mp4", clip, fps=7.5)
    file = ClipFile(tmp_path / "out.mp4")
    assert (file.info.num_frames, file.info.height, file.info.width) == (5, height, width)
    assert file.info.fps == pytest.approx(7.5)
    assert (to_clip(file.frames()) - clip).abs().mean() < 0.03


@pytest.mark.parametrize("fps", [24000 / 1001, 30000 / 1001, 25.0, 12.0, 59.94])
def test_frame_rates_survive(tmp_path: Path, fps: float) -> None:
    write_clip(tmp_path / "out.mp4", torch.zeros(4, 3, 16, 16), fps)
    assert ClipFile(tmp_path / "out.mp4").info.fps == pytest.approx(fps, rel=1e-4)


def test_image_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    frame = pattern(1, 20, 30)[0]
    cv2.imwrite(str(tmp_path / "in.png"), frame[..., ::-1])
    file = ClipFile(tmp_path / "in.png")
    assert file.info.num_frames == 1
    assert np.array_equal(file.frames()[0], frame)
    assert read_clip(tmp_path / "in.png", num_frames=3, size=8).shape == (3, 3, 8, 8)


def test_image_is_written_without_loss(tmp_path: Path) -> None:
    clip = to_clip(pattern(1, 20, 30))
    write_clip(tmp_path / "out.png", clip)
    assert torch.equal(read_clip(tmp_path / "out.png"), clip)


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "noise", "picture", "missing", "folder"])
def test_what_is_no_clip_is_one_error_with_its_path(tmp_path: Path, kind: str) -> None:
    path = bad_files(tmp_path)[kind]
    with pytest.raises(ClipError, match=str(path)) as raised:
        ClipFile(path).frames()
    assert "\n" not in str(raised.value)


def fail_midway(path: Path) -> None:
    with ClipWriter(path, 8.0) as writer:
        writer.write(pattern(2, 16, 16))
        raise ZeroDivisionError


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_midway(tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_failed_write_keeps_the_older_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "out.mp4", torch.zeros(2, 3, 16, 16))
    before = (tmp_path / "out.mp4").read_bytes()
    with pytest.raises(ZeroDivisionError):
        fail_midway(tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_bad_outputs_are_errors(tmp_path: Path) -> None:
    for name, message in {"out.xyz": r"cannot write \.xyz.*\.mp4", "no/such/out.mp4": "does not exist"}.items():
        with pytest.raises(UseError, match=message):
            ClipWriter(tmp_path / name, 8.0)
    with pytest.raises(ClipError, match="one frame"):
        write_clip(tmp_path / "out.png", torch.zeros(2, 3, 8, 8))
    with pytest.raises(ClipError, match="no frame"):
        write_clip(tmp_path / "out.mp4", torch.zeros(0, 3, 8, 8))
    assert not list(tmp_path.iterdir())


def test_resize_keeps_flat_colour_and_range() -> None:
    clip = torch.rand(2, 3, 10, 14) * 2 - 1
    assert resize(clip, 10, 14) is clip
    assert torch.allclose(resize(torch.full((1, 3, 9, 9), 0.25), 4, 20), torch.tensor(0.25))
    halved = resize(clip, 5, 7)
    by_hand = clip.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
    assert torch.allclose(halved, by_hand, atol=1e-6)


def test_clips_in_a_folder_come_by_name(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.png", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in clips_in(tmp_path)] == ["a.png", "b.mp4"]
