import pytest
import torch

from veggie_pl.errors import UseError
from veggie_pl.masks.soften import mix_region, soften


def test_soften_widens_and_fades_in_equal_steps() -> None:
    mask = torch.zeros(1, 9, 9, dtype=torch.bool)
    mask[0, 4, 4] = True
    row = soften(mask, 1, 2)[0, 4].tolist()
    assert row == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3, 0])
    assert torch.equal(soften(mask, 0, 0), mask.float())
    assert not soften(torch.zeros_like(mask), 3, 3).any()


def test_soften_keeps_frames_and_clips_apart() -> None:
    masks = torch.zeros(2, 3, 8, 8, dtype=torch.bool)
    masks[1, 2, 0, 0] = True
    region = soften(masks, 1, 1)
    assert region.shape == masks.shape
    assert region[1, 2].any()
    region[1, 2] = 0
    assert not region.any()


def test_soften_refuses_numbers_below_zero() -> None:
    with pytest.raises(UseError, match="got -1 and 2"):
        soften(torch.zeros(1, 8, 8, dtype=torch.bool), -1, 2)


def test_mix_region_is_exact_where_nothing_or_all_may_change() -> None:
    edited, source = torch.rand(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    region = torch.zeros(2, 8, 8)
    region[:, :3], region[:, 3] = 1.0, 0.25
    mixed = mix_region(edited, source, region)
    assert torch.equal(mixed[:, :, 4:], source[:, :, 4:])
    assert torch.equal(mixed[:, :, :3], edited[:, :, :3])
    assert torch.allclose(mixed[:, :, 3], 0.75 * source[:, :, 3] + 0.25 * edited[:, :, 3])
