"""A region from outside: as it is read, and what an edit leaves alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from support.fake import pattern, write_fake
from support.parts import randomise_output, tiny_module

from veggie_pl.cli import main
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.pipeline import VeggiePipeline
from veggie_pl.inference.region import RegionFile, region_of
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import ClipFile, ClipInfo
from veggie_pl.video.writer import ClipWriter

SOURCE = ClipInfo(11, 12.0, 20, 28)  # two windows


def square(count: int = 11) -> np.ndarray:
    """White in the upper left quarter, where it moves down by a pixel a frame."""
    frames = np.zeros((count, 20, 28, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[number : number + 6, 3:12] = 255
    return frames


@pytest.fixture(scope="module")
def painter() -> Editor:
    """A model that repaints everything."""
    module = tiny_module(video=True, num_steps=2)
    randomise_output(module)
    return Editor(module)


def stored(folder: Path, frames: np.ndarray, kind: str) -> Path:
    place = folder / f"region{kind}"
    if kind:
        with ClipWriter(place, 12.0) as writer:
            writer.write(frames)
    else:
        place.mkdir()
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(place / f"{number}.png")
    return place


@pytest.mark.parametrize(("kind", "count"), [(".mp4", 11), ("", 11), (".png", 1), ("", 1)])
def test_files_of_each_kind_are_read_and_one_picture_is_for_all(tmp_path: Path, kind: str, count: int) -> None:
    region = RegionFile(stored(tmp_path, square(count), kind), SOURCE)
    region.check()
    expected = torch.from_numpy(square(count)[..., 0] / 255).float().expand(11, -1, -1)
    assert torch.equal(region(0, 11), expected)
    assert torch.equal(region(4, 7), expected[4:7])


def test_gray_is_a_share_and_what_a_codec_moves_is_black_or_white() -> None:
    shades = np.array([0, 16, 72, 128, 239, 255], np.uint8)
    frames = shades[None, None, :, None].repeat(3, -1)
    assert region_of(frames, "r")[0, 0].tolist() == pytest.approx([0, 0, 56 / 223, 112 / 223, 1, 1])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (square()[:, :18], "a region of 28 x 18 pixels, but the source has 28 x 20; make it as large"),
        (square(10), "a region of 10 frames, but the source has 11; give one picture"),
        (0 * square(), "nothing of it is white, so nothing may be edited"),
        (pattern(11, 28, 20), "a region is white where pixels may change and black elsewhere, but this has colours"),
    ],
)
def test_wrong_size_length_empty_and_coloured_are_one_clear_error_before_the_model(
    frames: np.ndarray, message: str, tmp_path: Path
) -> None:
    source, place = write_fake(tmp_path / "in.mp4", 11, 28, 20), stored(tmp_path, frames, ".mp4")
    command = ["edit", str(source), "remove it", "-o", str(tmp_path / "out.mp4"), "--region", str(place)]
    with pytest.raises(SystemExit, match=message) as error:
        main([*command, "--model", "no/such/model"])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.mp4").exists()
    with pytest.raises(UseError, match=message):
        RegionFile(place, SOURCE).check()


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"holds no .png"):
        RegionFile(tmp_path, SOURCE)


def test_source_stays_outside_to_the_last_bit_at_its_own_size(painter: Editor) -> None:
    source = pattern(11, 28, 20)
    plain = painter.edit_frames(source, "remove it")
    region = region_of(square(), "r")
    kept = painter.edit_frames(source, "remove it", region=region)
    own = torch.from_numpy(source).permute(0, 3, 1, 2).float() / 127.5 - 1
    outside = (region == 0)[:, None].expand_as(own)
    assert (plain[outside] != own[outside]).float().mean() > 0.9
    assert torch.equal(kept[outside], own[outside])
    assert (kept[~outside] != own[~outside]).float().mean() > 0.9


def test_pipeline_equals_the_command_line_bit_for_bit(model_folder: Path, tmp_path: Path) -> None:
    picture, mask = pattern(1, 28, 20)[0], square(1)[0]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    command = ["edit", str(tmp_path / "in.png"), "remove the red square", "-o", str(tmp_path / "out.png")]
    pipe = VeggiePipeline.from_pretrained(model_folder)
    pipe.set_progress_bar_config(disable=True)
    for more, how in (
        (["--region", str(tmp_path / "mask.png")], {"region": Image.fromarray(mask)}),
        (["--keep", "background"], {"keep": "background"}),
    ):
        main([*command, *more, "--model", str(model_folder)])
        found = np.asarray(pipe(Image.fromarray(picture), "remove the red square", **how).frames[0][0])
        assert np.array_equal(found, cv2.imread(str(tmp_path / "out.png"))[..., ::-1])
    with pytest.raises(UseError, match="keep must be nothing or background, got 'all'"):
        pipe(Image.fromarray(picture), "remove it", keep="all")
    with pytest.raises(UseError, match="the source has 28 x 20"):
        pipe(Image.fromarray(picture), "remove it", region=mask[None, :9])


def test_region_goes_with_the_frames_of_a_file(model_folder: Path, tmp_path: Path) -> None:
    source, place = write_fake(tmp_path / "in.mp4", 11, 28, 20), stored(tmp_path, square(), "")
    files = EditFiles(source, tmp_path / "out.mp4", region=place)
    Editor(load_model(model_folder)).edit_file(files, "remove it")
    change = np.abs(ClipFile(files.output).frames().astype(int) - ClipFile(source).frames()).mean(-1)
    inside = square()[..., 0] > 0
    far = ~cv2.dilate(inside.astype(np.uint8).transpose(1, 2, 0), np.ones((9, 9))).transpose(2, 0, 1).astype(bool)
    assert change[far].mean() < 3 < change[inside].mean()  # what is left is the encoder
