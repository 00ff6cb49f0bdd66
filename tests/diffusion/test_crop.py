"""A crop around a region: where it lies, and when it is taken."""

import math
from typing import Any

import pytest
import torch
from support.parts import make_batch, randomise_output, tiny_module

from veggie_pl.diffusion.crop import TOLERANCE, Crop, crop_around, cropped
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.inference.quick import Quick, quicken


def cells(rows: slice, columns: slice, side: int = 32) -> torch.Tensor:
    found = torch.zeros(1, 2, side, side, dtype=torch.bool)
    found[0, 0, rows, columns] = True
    return found


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(10, 12), slice(14, 20), Crop(slice(6, 18), slice(10, 26))),  # 4 of context, then to a multiple
        (slice(0, 3), slice(30, 32), Crop(slice(0, 8), slice(24, 32))),  # cut at the border and moved inside
        (slice(0, 30), slice(2, 30), None),  # most of the picture
        (slice(0, 0), slice(0, 0), None),
    ],
)
def test_crop_is_the_smallest_with_context(rows: slice, columns: slice, expected: Crop | None) -> None:
    assert crop_around(cells(rows, columns), 4) == expected


def test_crop_covers_the_region_of_all_frames() -> None:
    both = cells(slice(4, 6), slice(4, 6))
    both[0, 1, 20, 9] = True
    found = crop_around(both, 2)
    assert found is not None
    assert int(found.of(both).sum()) == int(both.sum())


@pytest.mark.parametrize(("off", "taken"), [(0.05, True), (0.2, False)])
def test_guard_measures_the_first_step_in_the_region_and_falls_back(off: float, taken: bool) -> None:
    free = cells(slice(8, 10), slice(8, 10))
    crop = crop_around(free, 4)
    assert crop is not None
    sizes: list[int] = []
    told: list[Any] = []

    def whole(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        sizes.append(noisy.shape[-1])
        return torch.ones_like(noisy)

    def part(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        sizes.append(noisy.shape[-1])
        out = torch.full_like(noisy, 5.0)  # beside the region nothing is compared
        out[..., 4:6, 4:6] = 1 + off
        return out

    predict = cropped(whole, part, crop, free, 0.1, lambda *one: told.append(one))
    out = [predict(torch.zeros(1, 2, 3, 32, 32), torch.zeros(1)) for _ in range(3)]
    assert told == [(pytest.approx(off, rel=1e-4), taken)]
    assert sizes == ([12, 32, 12, 12] if taken else [12, 32, 32, 32])
    assert torch.equal(out[0], torch.ones_like(out[0]))
    assert float(out[2][0, 0, 0, 9, 9]) == pytest.approx(1 + off if taken else 1)
    assert float(out[2][0, 0, 0, 0, 0]) == 1


def test_local_edit_keeps_the_outside_and_computes_less() -> None:
    module = tiny_module(video=True, drop_both=0.05).eval()
    randomise_output(module)
    batch, region = make_batch(1, 2, pixels=64), torch.zeros(1, 2, 64, 64)
    region[..., 24:32, 24:32] = 1
    sizes: list[int] = []
    module.viddm.unet.conv_in.register_forward_hook(lambda part, given, out: sizes.append(out.shape[-1]))

    def edit() -> torch.Tensor:
        sizes.clear()
        how = {"num_steps": 4, "region": region}
        return module.edit(batch.source, ["remove it"], Guidance(), [("edit", 0)], **how)

    whole = edit()
    assert set(sizes) == {16}
    assert quicken(module, Quick(local=True)).local == TOLERANCE
    module.local = math.inf  # what random weights say of the crop is up to chance
    near = edit()
    assert sizes == [6, 16, 6, 6, 6]
    outside = (region == 0)[:, :, None].expand_as(whole)
    assert torch.equal(near[outside], batch.source[outside])
    assert float((near - whole).abs().mean()) < 0.1


def test_models_of_whole_pictures_refuse_it() -> None:
    module = tiny_module()
    module.viddm = torch.nn.Identity()
    with pytest.raises(UseError, match="a Identity computes whole pictures only: leave local off"):
        quicken(module, Quick(local=True))
