"""A UNet whose deep part is kept for some steps."""

from typing import Any

import pytest
import torch
from support.parts import TEMPORAL, UNET, make_batch, randomise_output, tiny_module
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.models import VidDM
from veggie_pl.planning.meter import Meter

THREE = {
    **UNET,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [16, 24, 32],
    "layers_per_block": 2,
}


def model(video: bool, **changes: Any) -> VidDM:
    torch.manual_seed(0)
    return VidDM({**THREE, **changes}, TEMPORAL, video, pool_task=True).eval()


def inputs(seed: int = 1, side: int = 8) -> tuple[Tensor, ...]:
    torch.manual_seed(seed)
    noisy, source = torch.randn(2, 2, 3, 48, side, side)
    return noisy, source, torch.tensor([7, 300]), torch.randn(2, 3, 2, 24)


@torch.no_grad()
@pytest.mark.parametrize("video", [False, True])
@pytest.mark.parametrize("side", [8, 6])  # 6 is no multiple of what the UNet halves: sizes are given on the way up
@pytest.mark.parametrize("layers", [1, 3])
def test_a_full_pass_is_the_networks_own_to_the_bit(video: bool, side: int, layers: int) -> None:
    viddm = model(video)
    given = inputs(side=side)
    assert torch.equal(viddm(*given, unet=viddm.reusing(1, layers)), viddm(*given))


@torch.no_grad()
@pytest.mark.parametrize("video", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_between_full_passes_the_deep_part_is_that_of_the_last(video: bool, layers: int) -> None:
    viddm = model(video)
    unet = viddm.reusing(2, layers)
    first, second, third = (inputs(seed) for seed in (1, 2, 3))
    assert torch.equal(viddm(*first, unet=unet), viddm(*first))
    between = viddm(*second, unet=unet)
    assert not torch.allclose(between, viddm(*second))
    assert torch.equal(viddm(*third, unet=unet), viddm(*third))
    # The same input twice: what is kept is right for it.
    unet = viddm.reusing(2, layers)
    torch.testing.assert_close(viddm(*first, unet=unet), viddm(*first, unet=unet))


@torch.no_grad()
def test_a_step_between_computes_far_less() -> None:
    viddm = model(False)
    counted = []
    unet = viddm.reusing(3)
    for _ in range(4):
        with Meter(viddm, lambda name: "") as meter:
            viddm(*inputs(), unet=unet)
        counted.append(sum(cost.flops for cost in meter.costs.values()))
    assert counted[0] == counted[3]
    assert counted[1] == counted[2] < 0.5 * counted[0]


def test_what_cannot_be_reused_is_an_error() -> None:
    viddm = model(False)
    for every, layers in ((0, 2), (2, 0), (2, 4)):
        with pytest.raises(ValueError, match=rf"layers from 1 to 3, got {every} and {layers}"):
            viddm.reusing(every, layers)
    with pytest.raises(ValueError, match="does not know UNets with class_embed_type"):
        model(False, class_embed_type="timestep").reusing(2)


@pytest.mark.parametrize("video", [False, True])
def test_every_edit_starts_with_a_full_pass(video: bool) -> None:
    module = tiny_module(video=video, drop_both=0.05).eval()
    randomise_output(module)
    batch = make_batch(1, 2)
    asked: list[Any] = [batch.source, batch.instruction, Guidance(3.0, 1.5), [("edit", 0)]]
    plain = module.edit(*asked, num_steps=3)
    module.reuse = 2
    first, again = (module.edit(*asked, num_steps=3) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, plain)
    assert torch.equal(module.edit(*asked, num_steps=1), tiny_edit_of_one_step(video, asked))


def tiny_edit_of_one_step(video: bool, asked: list[Any]) -> Tensor:
    module = tiny_module(video=video, drop_both=0.05).eval()
    randomise_output(module)
    return module.edit(*asked, num_steps=1)
