"""Names of attention layers, and what stands in their place for a time."""

import pytest
from support.checkpoints import sd_unet

from veggie_pl.methods.processors import downsampling, processors_set, self_attention


def test_layers_are_found_by_the_width_of_their_tokens() -> None:
    unet = sd_unet(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    )
    found = self_attention(unet)
    assert len(found) == 3 * 2 + 1 + 3 * 3  # as of Stable Diffusion, which has 16
    assert all(".attn1." in name for name in found)
    tokens = {name: downsampling(name, 4) for name in found}
    assert {name.split(".attentions")[0]: width for name, width in tokens.items()} == {
        "down_blocks.0": 1,
        "down_blocks.1": 2,
        "down_blocks.2": 4,
        "mid_block": 8,
        "up_blocks.1": 4,
        "up_blocks.2": 2,
        "up_blocks.3": 1,
    }
    assert len(self_attention(unet, 2)) == 10


def test_processors_stand_for_a_time() -> None:
    unet = sd_unet()
    own = unet.attn_processors
    name, other = next(iter(own)), object()
    with processors_set(unet, {name: other}):
        assert unet.attn_processors[name] is other
        assert all(unet.attn_processors[one] is own[one] for one in own if one != name)
    assert unet.attn_processors == own
    with (
        pytest.raises(ValueError, match=r"no attention called attn; there are .*attn1"),
        processors_set(unet, {"attn": 1}),
    ):
        pass
