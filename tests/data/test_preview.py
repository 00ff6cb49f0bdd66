import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from parts import make_data
from PIL import Image

from veggie_pl.data.preview import caption, comparison, contact_sheet, film_strip, gif, tile, to_uint8, write_png


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


def test_caption_wraps_long_text() -> None:
    assert caption("short", 200).shape[0] < caption("long " * 60, 200).shape[0]
    assert caption("grüße", 200).shape[1] == 200


def test_contact_sheet_shows_every_sample() -> None:
    data = make_data(num_frames=2)
    samples = [data.mixture[i][1] for i in range(5)]
    two, five = contact_sheet(samples[:2], columns=2), contact_sheet(samples, columns=2)
    assert five.shape[0] >= 2.5 * two.shape[0] * 0.8
    assert five.dtype == np.uint8


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
