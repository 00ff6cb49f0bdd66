"""Mattes read back by decoders that are not ours: FFmpeg's by name, Pillow, pycocotools."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from veggie_pl.errors import UseError
from veggie_pl.video.matte import Matte, check_matte, matte_writer
from veggie_pl.video.timing import Timing

TIMES = Timing.of_ticks([0, 3, 4, 10], Fraction(1, 8), 2)  # frames of different lengths
FILLS = ["red", "blue"]


def mattes(objects: int = 1, height: int = 34, width: int = 47) -> Iterator[Matte]:
    """Squares that move right over a gradient; the second one below the first. The last frame is empty."""
    frame = np.broadcast_to(np.linspace(0, 250, width)[None, :, None], (height, width, 3)).astype(np.uint8)
    for number in range(4):
        masks = np.zeros((objects, height, width), bool)
        for one in range(objects if number < 3 else 0):
            masks[one, 2 + 16 * one : 14 + 16 * one, 4 + 8 * number : 18 + 8 * number] = True
        yield Matte(masks, np.linspace(0.9, 0.5, objects), frame)


def write(path: Path, objects: int = 1) -> Path:
    with matte_writer(path, FILLS[:objects], TIMES) as writer:
        for matte in mattes(objects):
            writer.write(matte)
    return path


@pytest.mark.parametrize(("name", "decoder"), [("m.mov", "prores"), ("m.webm", "libvpx-vp9")])
def test_alpha_is_the_mask_beside_the_sources_colours(tmp_path: Path, name: str, decoder: str) -> None:
    alphas, colours, seconds = [], [], []
    with av.open(str(write(tmp_path / name, 2))) as file:
        stream = file.streams.video[0]
        context = av.CodecContext.create(decoder, "r")  # FFmpeg's own VP9 decoder leaves alpha out
        context.extradata = stream.codec_context.extradata
        context.width, context.height = stream.width, stream.height
        for packet in file.demux(stream):
            for frame in context.decode(packet if packet.size else None):
                assert any(component.is_alpha for component in frame.format.components)
                picture = frame.reformat(format="rgba", src_colorspace="itu709").to_ndarray()
                alphas.append(picture[..., 3])
                colours.append(picture[..., :3])
                seconds.append(float(frame.pts * stream.time_base))
    expected = [matte.masks.any(0) for matte in mattes(2)]
    assert all(np.array_equal(alpha > 127, mask) for alpha, mask in zip(alphas, expected, strict=True))
    assert np.abs(np.stack(alphas).astype(int) - 255 * np.stack(expected)).mean() < 3
    assert np.abs(np.stack(colours).astype(int) - next(mattes()).frame).mean() < 3
    assert seconds == pytest.approx([0, 3 / 8, 4 / 8, 10 / 8], abs=0.002)


def test_folder_of_pngs_is_white_on_black_and_several_in_their_fills(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 2)
    assert sorted(path.name for path in one.iterdir()) == [f"{number:06d}.png" for number in range(4)]
    for number, matte in enumerate(mattes(2)):
        gray = np.asarray(Image.open(one / f"{number:06d}.png"))
        assert np.array_equal(gray, np.where(matte.masks[0], 255, 0))
        coloured = np.asarray(Image.open(two / f"{number:06d}.png"))
        assert np.array_equal((coloured == (255, 0, 0)).all(-1), matte.masks[0])
        assert np.array_equal((coloured == (0, 0, 255)).all(-1), matte.masks[1])
        assert not coloured[~matte.masks.any(0)].any()


def test_run_lengths_are_cocos_with_a_confidence_for_each_frame(tmp_path: Path) -> None:
    told = json.loads(write(tmp_path / "m.json", 2).read_text())
    (video,) = told["videos"]
    assert (video["height"], video["width"], video["length"]) == (34, 47, 4)
    assert video["seconds"] == [0, 0.375, 0.5, 1.25]
    assert [one["name"] for one in told["categories"]] == FILLS
    for number, annotation in enumerate(told["annotations"]):
        assert annotation["confidences"] == [0.9 - 0.4 * number] * 4
        for lengths, area, matte in zip(annotation["segmentations"], annotation["areas"], mattes(2), strict=True):
            assert np.array_equal(coco.decode(lengths).astype(bool), matte.masks[number])
            assert int(coco.area(lengths)) == area


@pytest.mark.parametrize("name", ["m.mp4", "m.mov", "m.webm", "m.json", "folder"])
def test_failure_midway_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    def fail() -> None:
        with matte_writer(tmp_path / name, ["red"], TIMES) as writer:
            writer.write(next(mattes()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())
    before = write(tmp_path / name).stat().st_ino
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).stat().st_ino == before


def test_other_endings_name_the_choices_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"cannot write .avi as a mask; the choices are .mp4, .mov \(alpha in ProRes"):
        check_matte(tmp_path / "mask.avi")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("years of work")
    with pytest.raises(UseError, match=r"holds chapter.tex, and the folder of a mask is replaced whole"):
        check_matte(tmp_path / "thesis")
    check_matte(write(tmp_path / "mask"))
