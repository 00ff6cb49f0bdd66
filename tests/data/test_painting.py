import cv2
import numpy as np
import pytest
import torch

from veggie_pl.data.painting import COLORS, OPACITY, paint, unpaint


def disc(radius: float, size: int = 32, frames: int = 3) -> torch.Tensor:
    axis = torch.arange(size) - size / 2
    return (axis[:, None].square() + axis.square() < radius**2).expand(frames, -1, -1).clone()


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one & other).sum() / (one | other).sum())


def noise_clip(frames: int = 3) -> torch.Tensor:
    return torch.rand(frames, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8


def test_paint_mixes_three_to_seven_inside_and_copies_outside() -> None:
    clip, mask = noise_clip(), disc(9)
    painted = paint(clip, mask, "blue")
    blue = torch.tensor(COLORS["blue"])[:, None, None]
    inside = mask[:, None].expand_as(clip)
    torch.testing.assert_close(painted[inside], ((1 - OPACITY) * clip + OPACITY * blue)[inside])
    assert torch.equal(painted[~inside], clip[~inside])


def test_paint_soft_mask_is_between() -> None:
    clip = noise_clip()
    half = paint(clip, torch.full((3, 32, 32), 0.5), "red")
    torch.testing.assert_close(half, (clip + paint(clip, torch.ones(3, 32, 32), "red")) / 2)


@pytest.mark.parametrize("fill", COLORS)
def test_unpaint_inverts_paint(fill: str) -> None:
    clip, mask = noise_clip(), disc(9)
    assert iou(unpaint(paint(clip, mask, fill), clip, fill), mask) == 1


@pytest.mark.parametrize("fill", COLORS)
def test_unpaint_survives_noise(fill: str) -> None:
    clip, mask = noise_clip(), disc(9)
    noisy = paint(clip, mask, fill) + 0.1 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(1))
    assert iou(unpaint(noisy, clip, fill), mask) > 0.99


def test_unpaint_of_the_source_is_empty() -> None:
    assert not unpaint(noise_clip(), noise_clip(), "green").any()


def test_unpaint_takes_blind_pixels_from_the_nearest_seeing_ones() -> None:
    clip, mask = torch.zeros(1, 3, 32, 32), disc(10, frames=1)
    for y, x in ((16, 16), (2, 2)):  # spots of the fill's own colour, one inside the mask and one outside
        clip[..., y - 1 : y + 2, x - 1 : x + 2] = torch.tensor(COLORS["red"])[:, None, None]
    assert torch.equal(unpaint(paint(clip, mask, "red"), clip, "red"), mask)


def test_unpaint_of_a_frame_in_the_fills_colour_is_empty() -> None:
    clip = torch.tensor(COLORS["red"])[None, :, None, None].expand(2, 3, 8, 8)
    assert not unpaint(paint(clip, torch.ones(2, 8, 8, dtype=torch.bool), "red"), clip, "red").any()


def test_paint_and_unpaint_take_leading_axes() -> None:
    clip, mask = noise_clip(6).view(2, 3, 3, 32, 32), disc(9, frames=6).view(2, 3, 32, 32)
    painted = paint(clip, mask, "cyan")
    torch.testing.assert_close(painted[1], paint(clip[1], mask[1], "cyan"))
    assert torch.equal(unpaint(painted, clip, "cyan"), mask)


def test_unpaint_survives_jpeg() -> None:
    clip, mask = (
        torch.from_numpy(cv2.GaussianBlur(noise_clip(1)[0].permute(1, 2, 0).numpy(), (0, 0), 3)),
        disc(9, frames=1),
    )
    clip = clip.permute(2, 0, 1)[None]
    painted = paint(clip, mask, "red")
    levels = ((painted[0].permute(1, 2, 0) + 1) * 127.5).numpy().astype(np.uint8)
    coded = cv2.imdecode(cv2.imencode(".jpg", levels[..., ::-1])[1], cv2.IMREAD_COLOR)[..., ::-1]
    read = torch.from_numpy(coded.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    assert iou(unpaint(read, clip, "red"), mask) > 0.85


def test_paint_unknown_fill_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'pink'; the choices are red, green"):
        paint(noise_clip(), disc(9), "pink")
