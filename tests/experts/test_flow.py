"""Optical flow on known shifts, in both directions, of frames of any size."""

import pytest
import torch

from veggie_pl.errors import UseError
from veggie_pl.experts.flow import dense_flow


def moving(frames: int, height: int, width: int, dx: int, dy: int, grain: int = 8) -> torch.Tensor:
    """A smooth pattern whose content moves by (dx, dy) pixels a frame."""
    generator = torch.Generator().manual_seed(0)
    reach = (frames - 1) * max(abs(dx), abs(dy))
    size = (height + 2 * reach, width + 2 * reach)
    coarse = torch.rand(1, 3, max(4, size[0] // grain), max(4, size[1] // grain), generator=generator)
    whole = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)[0] * 2 - 1
    corners = [(reach - i * dy, reach - i * dx) for i in range(frames)]
    return torch.stack([whole[:, y : y + height, x : x + width] for y, x in corners])


def median(flow: torch.Tensor) -> list[float]:
    return [round(float(part.median()), 1) for part in flow]


@pytest.mark.parametrize(("height", "width"), [(96, 80), (64, 64), (32, 32), (16, 24)])
def test_known_shifts_are_found_at_any_size(height: int, width: int) -> None:
    frames = moving(3, height, width, 2, 1, grain=4)
    flow = dense_flow(frames)
    assert flow.shape == (2, 2, height, width)
    for pair in flow:
        assert median(pair) == [pytest.approx(2, abs=0.2), pytest.approx(1, abs=0.2)]


def test_backward_flow_is_opposite_and_sits_on_the_later_frame() -> None:
    frames = moving(2, 64, 64, 3, -2)
    assert median(dense_flow(frames)[0]) == [pytest.approx(3, abs=0.2), pytest.approx(-2, abs=0.2)]
    assert median(dense_flow(frames, backward=True)[0]) == [pytest.approx(-3, abs=0.2), pytest.approx(2, abs=0.2)]


def test_warping_by_flow_gives_the_frame_before() -> None:
    frames = moving(2, 64, 64, 3, -2)
    flow = dense_flow(frames)[0]
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    grid = torch.stack([xs + flow[0], ys + flow[1]], -1) / 63 * 2 - 1
    back = torch.nn.functional.grid_sample(frames[1:], grid[None], align_corners=True)[0]
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert (back - frames[0])[inner].abs().mean() < 0.2 * (frames[1] - frames[0])[inner].abs().mean()


def test_frames_that_stand_still_do_not_flow_and_single_frames_have_none() -> None:
    still = moving(1, 64, 64, 1, 1).expand(3, -1, -1, -1)
    assert dense_flow(still).abs().max() < 0.05
    assert dense_flow(still[:1]).shape == (0, 2, 64, 64)


def test_tiny_frames_have_finite_flow() -> None:
    assert dense_flow(moving(2, 4, 4, 1, 0)).isfinite().all()
    assert dense_flow(moving(2, 8, 200, 1, 0)).shape == (1, 2, 8, 200)


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(UseError, match=r"'slow'.*ultrafast, fast, medium"):
        dense_flow(torch.zeros(2, 3, 64, 64), preset="slow")
