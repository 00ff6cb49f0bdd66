import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from veggie_pl.video.clip import to_uint8
from veggie_pl.video.drawing import beside, caption, comparison, film_strip, gif, tile, write_png


def test_range_is_mapped_to_bytes() -> None:
    assert to_uint8(torch.tensor([-1.0, 0.0, 1.0, 3.0]).view(4, 1, 1, 1).expand(4, 3, 1, 1))[:, 0, 0, 0].tolist() == [
        0,
        128,
        255,
        255,
    ]


def test_film_strip_shows_first_and_last_frame() -> None:
    clip = torch.linspace(-1, 1, 8).view(8, 1, 1, 1).expand(8, 3, 32, 32)
    strip = film_strip(clip, num_frames=4, height=64)
    assert strip.shape == (64, 4 * 64 + 3 * 2, 3)
    assert strip[0, 0, 0] == 0
    assert strip[0, -1, 0] == 255


def test_film_strip_of_a_very_tall_picture_is_a_pixel_wide() -> None:
    assert film_strip(torch.zeros(1, 3, 400, 1)).shape == (96, 1, 3)


def test_caption_wraps_long_text() -> None:
    assert caption("short", 200).shape[0] < caption("long " * 60, 200).shape[0]
    assert caption("grüße", 200).shape[1] == 200


def test_caption_keeps_all_letters_within_the_width() -> None:
    """Of words too long for a line, too: nothing is written beyond the edge, and nothing is left out."""
    for text in ("which of the objects moves the fastest", "a/path/without/any/place/to/break/it.mp4"):
        wide, narrow = caption(text, 1000), caption(text, 90)
        assert (narrow[:, -2:] == 255).all()
        assert (narrow < 128).sum() == pytest.approx((wide < 128).sum(), rel=0.15)


def test_what_stands_above_a_small_picture_can_be_read() -> None:
    """A single frame is 32 pixels wide: its request must not become a column of letters."""
    clip = torch.zeros(1, 3, 8, 8)
    assert comparison({"source": clip}, "make it sepia style, please", height=32).shape[0] < 100


def test_beside_and_tile_keep_pictures_whole() -> None:
    low, high = np.zeros((4, 6, 3), np.uint8), np.zeros((9, 5, 3), np.uint8)
    both = beside([low, high], gap=2)
    assert both.shape == (9, 15, 3)
    assert (both == 0).sum() == low.size + high.size
    assert tile([low], 3, gap=2, width=20).shape == (6, 22, 3)


def test_comparison_and_tile_have_room_for_all() -> None:
    clips = {"source": torch.zeros(2, 3, 8, 8), "edit": torch.ones(2, 3, 8, 8)}
    cell = comparison(clips, "remove it", height=32)
    assert tile([cell] * 3, columns=2).shape[1] >= 2 * cell.shape[1]


def test_gif_moves() -> None:
    frames = [np.full((8, 8, 3), value, np.uint8) for value in (0, 120, 255)]
    assert Image.open(io.BytesIO(gif(frames))).n_frames == 3


def test_png_is_written_whole(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    write_png(picture, tmp_path / "deep/er/out.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "deep/er/out.png"))[..., ::-1], picture)
    with pytest.raises(FileExistsError):
        write_png(picture, tmp_path / "deep/er/out.png/inside.png")
