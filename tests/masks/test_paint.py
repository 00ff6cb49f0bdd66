import cv2
import numpy as np
import pytest
import torch

from veggie_pl.masks.colors import COLORS, OPACITY
from veggie_pl.masks.paint import paint, paint_objects, visible
from veggie_pl.masks.unpaint import unpaint


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


def test_paint_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"masks must lie in \[0, 1\], but reach from 0 to 255"):
        paint(noise_clip(), disc(9).float() * 255, "red")
    for opacity in (0.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"opacity of a fill must lie in .*, got {opacity}"):
            paint(noise_clip(), disc(9), "red", opacity)


def test_opacity_is_the_share_of_the_colour() -> None:
    clip, mask = noise_clip(), disc(9)
    assert torch.equal(paint(clip, mask, "red"), paint(clip, mask, "red", OPACITY))
    whole = paint(clip, mask, "green", 1.0).movedim(1, -1)[mask]
    torch.testing.assert_close(whole, torch.tensor(COLORS["green"]).expand_as(whole))
    for opacity in (0.1, 0.5, 1.0):
        assert torch.equal(unpaint(paint(clip, mask, "blue", opacity), clip, "blue", opacity=opacity), mask)


def test_paint_changes_with_the_mask_by_opacity_times_the_way_to_the_colour() -> None:
    clip = noise_clip().double()
    mask = disc(9).double().mul(0.5).add(0.2).requires_grad_()
    towards = torch.randn(clip.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (paint(clip, mask, "cyan") * towards).sum().backward()
    cyan = torch.tensor(COLORS["cyan"], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(mask.grad, (OPACITY * (cyan - clip) * towards).sum(1))


def test_later_objects_lie_over_earlier_ones() -> None:
    clip, masks = noise_clip(), torch.stack([disc(12), disc(9), disc(5)])
    fills = ["red", "yellow", "blue"]
    painted = paint_objects(clip, masks, fills)
    rings = [disc(12) & ~disc(9), disc(9) & ~disc(5), disc(5)]
    assert torch.equal(visible(masks), torch.stack(rings))
    for ring, fill in zip(rings, fills, strict=True):
        pixels = ring[:, None].expand_as(clip)
        assert torch.equal(painted[pixels], paint(clip, disc(16), fill)[pixels])
    assert torch.equal(painted.movedim(1, -1)[~masks[0]], clip.movedim(1, -1)[~masks[0]])


def test_soft_masks_share_a_pixel() -> None:
    soft = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    seen = visible(soft)
    torch.testing.assert_close(seen.sum(0), 1 - (1 - soft).prod(0))
    assert torch.equal(seen[-1], soft[-1])
    torch.testing.assert_close(seen[0], soft[0] * (1 - soft[1]) * (1 - soft[2]) * (1 - soft[3]))
    hard = soft > 0.5
    assert torch.equal(visible(hard).float(), visible(hard.float()))


def test_objects_need_a_colour_each() -> None:
    masks = torch.stack([disc(9), disc(5)])
    for fills in (["red"], ["red", "red"], ["red", "blue", "green"]):
        with pytest.raises(ValueError, match=r"2 objects need as many fill colours, at least one and no two alike"):
            paint_objects(noise_clip(), masks, fills)
    with pytest.raises(ValueError, match="0 objects"):
        paint_objects(noise_clip(), masks[:0], [])


def test_unpaint_is_the_rule_that_reports_were_made_with() -> None:
    """Written out as it was before several objects could be read: its numbers must not change."""
    generator = torch.Generator().manual_seed(0)
    for turn, (fill, color) in enumerate(COLORS.items()):
        clip = torch.rand(4, 3, 24, 24, generator=generator) * 2 - 1
        rgb = torch.tensor(color)[:, None, None]
        close = torch.rand(4, 1, 24, 24, generator=generator) < turn / 10  # pixels near the fill's colour
        clip = clip.where(~close, rgb + 0.1 * torch.randn(clip.shape, generator=generator))
        mask = torch.rand(4, 24, 24, generator=generator)
        for noise in (0.0, 0.05, 0.5):
            edited = paint(clip, mask, fill) + noise * torch.randn(clip.shape, generator=generator)
            contrast = (rgb - clip).square().sum(-3)
            expected = ((edited - clip) * (rgb - clip)).sum(-3) / (0.7 * contrast).clamp_min(1e-6) >= 0.5
            for frame, blind in zip(expected.numpy(), contrast.numpy() < 0.25**2, strict=True):
                if blind.any():
                    kind = cv2.DIST_LABEL_PIXEL
                    labels = cv2.distanceTransformWithLabels(blind.astype(np.uint8), cv2.DIST_L2, 5, labelType=kind)[1]
                    by_label = np.zeros(labels.max() + 1, dtype=bool)
                    by_label[labels[~blind]] = frame[~blind]
                    frame[:] = by_label[labels]
            assert torch.equal(unpaint(edited, clip, fill), expected)
