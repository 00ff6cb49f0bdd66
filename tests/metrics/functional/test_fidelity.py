import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from veggie_pl.metrics.functional import mean_over, psnr, psnr_of, squared_error, ssim_map


def pair(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(*shape, generator=generator) * 2 - 1
    return (target + 0.3 * torch.randn(*shape, generator=generator)).clamp(-1, 1), target


def half(*shape: int) -> Tensor:
    mask = torch.zeros(*shape, dtype=torch.bool)
    mask[..., : shape[-1] // 2] = True
    return mask


def ssim(edited: Tensor, target: Tensor) -> Tensor:
    return ssim_map(edited, target).double().mean((-2, -1))


def test_psnr_by_hand() -> None:
    target = torch.zeros(1, 3, 8, 8)
    assert psnr(target + 0.2, target).item() == pytest.approx(20.0, abs=1e-5)  # a tenth of the range
    assert psnr(target + 2.0, target).item() == pytest.approx(0.0, abs=1e-5)


def test_psnr_is_one_error_over_all_pixels_of_the_clip() -> None:
    target = torch.zeros(2, 3, 8, 8)
    edited = target.clone()
    edited[0] = 0.2
    assert psnr(edited, target).item() == pytest.approx(10 * math.log10(4 / 0.02), abs=1e-5)  # not a mean over frames


def test_psnr_agrees_with_scikit_image() -> None:
    edited, target = pair(3, 4, 3, 12, 18)
    theirs = [
        peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=2.0) for a, b in zip(edited, target, strict=True)
    ]
    assert psnr(edited, target).numpy() == pytest.approx(np.asarray(theirs), abs=1e-4)


def test_psnr_of_regions_agrees_with_scikit_image_on_the_pixels_of_the_region() -> None:
    edited, target = pair(2, 3, 12, 18)
    mask = torch.rand(2, 12, 18, generator=torch.Generator().manual_seed(1)) < 0.3
    for region in (mask, ~mask):
        a, b = (clip.movedim(1, -1)[region].numpy() for clip in (edited, target))
        theirs = peak_signal_noise_ratio(b, a, data_range=2.0)
        assert psnr(edited, target, region).item() == pytest.approx(theirs, 1e-5)
        assert torch.equal(psnr_of(squared_error(edited, target), region), psnr(edited, target, region))


def test_psnr_inside_and_outside_see_only_their_region() -> None:
    target = torch.zeros(2, 3, 8, 8)
    mask = half(2, 8, 8)
    edited = torch.where(mask[:, None], 0.2, 0.0).expand_as(target)
    assert psnr(edited, target, mask).item() == pytest.approx(20.0, abs=1e-5)
    assert psnr(edited, target, ~mask).item() == 100.0


def test_psnr_of_identical_clips_is_the_cap_and_of_an_empty_region_nan() -> None:
    target = torch.zeros(2, 1, 3, 8, 8)
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    mask[0] = True
    assert psnr(target, target).tolist() == [100.0, 100.0]
    inside, outside = psnr(target, target, mask), psnr(target, target, ~mask)
    assert inside.isnan().tolist() == [False, True]
    assert outside.isnan().tolist() == [True, False]


def test_ssim_map_agrees_with_torchmetrics() -> None:
    edited, target = pair(6, 3, 20, 32)
    _, theirs = structural_similarity_index_measure(edited, target, data_range=2.0, return_full_image=True)
    assert torch.allclose(ssim_map(edited, target), theirs.mean(1), atol=2e-5)


@pytest.mark.parametrize("shape", [(24, 24), (17, 40)])
def test_ssim_agrees_with_scikit_image(shape: tuple[int, int]) -> None:
    edited, target = pair(2, 3, *shape, seed=2)
    for a, b, value in zip(edited, target, ssim(edited, target), strict=True):
        # scikit-image leaves out a border of 5 pixels: give it reflected ones to leave out.
        a, b = (np.pad(x.numpy(), ((0, 0), (5, 5), (5, 5)), mode="reflect") for x in (a, b))
        theirs = structural_similarity(
            a, b, data_range=2.0, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert value.item() == pytest.approx(theirs, abs=1e-5)


def test_ssim_of_a_constant_shift_by_hand() -> None:
    # Flat images have no structure, so only the means count: (2 * 0 * 0.5 + C1) / (0 + 0.25 + C1) with C1 = 0.02^2.
    flat = torch.zeros(1, 3, 16, 16)
    assert ssim(flat + 0.5, flat).item() == pytest.approx(0.0004 / 0.2504, rel=1e-3)
    assert ssim(flat, flat).item() == 1.0


def test_ssim_inside_and_outside_are_the_map_over_their_region() -> None:
    edited, target = pair(2, 2, 3, 16, 16)
    mask = half(2, 2, 16, 16)
    mask[1, 0] = False  # frames weigh by their pixels, not each alike
    full = ssim_map(edited, target).double()
    for i in range(2):
        for region in (mask, ~mask):
            expected = full[i][region[i]].mean().item()
            assert mean_over(full, region)[i].item() == pytest.approx(expected, abs=1e-9)


def test_ssim_inside_of_an_empty_region_is_nan() -> None:
    edited, target = pair(1, 3, 16, 16)
    nowhere = torch.zeros(1, 16, 16, dtype=torch.bool)
    full = ssim_map(edited, target).double()
    assert mean_over(full, nowhere).isnan()
    assert mean_over(full, ~nowhere).item() == pytest.approx(ssim(edited, target).item(), abs=1e-9)


def test_ssim_refuses_images_smaller_than_its_window() -> None:
    with pytest.raises(ValueError, match="at least 6 pixels a side, got 5 x 8"):
        ssim(torch.zeros(1, 3, 5, 8), torch.zeros(1, 3, 5, 8))
