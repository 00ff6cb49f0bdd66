"""The rule of outputs of another size or length, case by case as docs/EVALUATION.md tells it."""

from pathlib import Path

import pytest
import torch

from veggie_pl.scoring.fit import Fit, Shape, check_fit, read_fitted
from veggie_pl.video.clip import ClipFile
from veggie_pl.video.writer import write_clip

SOURCE = Shape(16, 480, 854, native=81, seconds=4.05)


@pytest.mark.parametrize(
    ("output", "fits", "said"),
    [
        (Shape(16, 480, 854, 16, 0.8), True, ""),
        (Shape(81, 480, 854, 81, 5.0), True, "16 of 81 frames"),  # all frames of the source, whatever the rate
        (Shape(97, 480, 854, 97, 4.04), True, "16 of 97 frames"),  # another rate, the same time
        (Shape(97, 480, 854, 97, 4.5), False, "has 97 frames (4.5 s), the bench gives 16 frames of its 81 (4.0 s)"),
        (Shape(20, 480, 854, 20, None), False, "has 20 frames, the bench gives 16 frames of its 81 (4.0 s)"),
        (Shape(16, 240, 427, 16, 0.8), True, "427x240 resized to 854x480"),
        (Shape(16, 480, 848, 16, 0.8), True, "848x480 resized to 854x480"),
        (Shape(16, 480, 832, 16, 0.8), False, "its frames are 832x480, another shape than 854x480"),
        (Shape(81, 240, 427, 81, 4.0), True, "427x240 resized to 854x480, 16 of 81 frames"),
    ],
)
def test_fit_of_an_output_by_its_header(output: Shape, fits: bool, said: str) -> None:
    found = check_fit(output, SOURCE)
    assert (found.fits, found.said) == (fits, said)


def test_ratio_may_be_that_of_the_source_before_the_bench_stretched_it() -> None:
    stretched = Shape(8, 256, 256, ratio=480 / 832)
    assert check_fit(Shape(8, 480, 832), stretched) == Fit(True, "832x480 resized to 256x256")
    assert check_fit(Shape(8, 256, 256), stretched).fits
    assert not check_fit(Shape(8, 832, 480), stretched).fits
    assert not check_fit(Shape(8, 480, 832), Shape(8, 256, 256)).fits


def test_length_has_to_agree_where_the_source_has_no_time() -> None:
    source = Shape(8, 32, 32)
    assert check_fit(Shape(8, 32, 32, 8, 1.0), source).fits
    assert not check_fit(Shape(9, 32, 32, 9, 1.0), source).fits


def test_frames_are_picked_evenly_and_resized(tmp_path: Path) -> None:
    grays = torch.linspace(-1, 1, 9)[:, None, None, None].expand(9, 3, 64, 64)
    write_clip(tmp_path / "out.mp4", grays)
    clip = read_fitted(ClipFile(tmp_path / "out.mp4"), Shape(3, 32, 32))
    assert clip.shape == (3, 3, 32, 32)
    assert torch.allclose(clip.mean((1, 2, 3)), torch.tensor([-1.0, 0.0, 1.0]), atol=0.02)
