"""LGVI's temporal attention: at first the image model exactly, then along time and without positions."""

from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from support.parts import TEMPORAL, UNET
from torch import nn

from veggie_pl.errors import UseError
from veggie_pl.models import VidDM
from veggie_pl.models.parts import denoiser_parts
from veggie_pl.models.temporal_block import add_temporal_blocks, is_temporal


def model(video: bool = True, temporal: str = "lgvi", **more: object) -> VidDM:
    return VidDM(UNET, video=video, temporal=temporal, **more)  # type: ignore[arg-type]


def randomised(module: VidDM) -> VidDM:
    torch.manual_seed(1)
    for name, parameter in module.named_parameters():
        nn.init.normal_(parameter, std=0.5 if module.layer_kind(name) == "temporal" else 0.1)
    return module


def inputs(num_frames: int = 3) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(2)
    noisy, source = torch.randn(2, 2, num_frames, 48, 4, 4)
    return noisy, source, torch.arange(2) * 400 + 3, torch.randn(2, num_frames, 2, 24)


@torch.no_grad()
def test_output_of_zero_is_the_image_model_exactly() -> None:
    image, video = randomised(model(video=False)), model()
    missing, unexpected = video.load_state_dict(image.state_dict(), strict=False)
    assert not unexpected
    assert missing
    assert all(is_temporal(key) and video.layer_kind(key) == "temporal" for key in missing)
    expected = image(*inputs())
    assert torch.equal(video(*inputs()), expected)
    assert expected.abs().mean() > 0.05


@torch.no_grad()
def test_frames_see_each_other_and_not_their_order() -> None:
    video, (noisy, source, timestep, tokens) = randomised(model()), inputs()
    made = video(noisy, source, timestep, tokens)
    changed = noisy.clone()
    changed[:, 2] += 1
    assert not torch.allclose(video(changed, source, timestep, tokens)[:, 0], made[:, 0], atol=1e-3)
    order = torch.tensor([2, 0, 1])
    shuffled = video(noisy[:, order], source[:, order], timestep, tokens[:, order])
    torch.testing.assert_close(shuffled, made[:, order], atol=1e-4, rtol=1e-4)
    animated = randomised(VidDM(UNET, TEMPORAL, True))
    plain = animated(noisy, source, timestep, tokens)
    moved = animated(noisy[:, order], source[:, order], timestep, tokens[:, order])
    assert not torch.allclose(moved, plain[:, order], atol=1e-3)  # AnimateDiff's have positions


@torch.no_grad()
def test_one_clip_does_not_see_another() -> None:
    video, (noisy, source, timestep, tokens) = randomised(model()), inputs()
    alone = video(noisy[:1], source[:1], timestep[:1], tokens[:1])
    torch.testing.assert_close(video(noisy, source, timestep, tokens)[:1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("checkpointing", [False, True, "selective"])
def test_temporal_attention_learns(checkpointing: bool | str) -> None:
    video = model(gradient_checkpointing=checkpointing)
    video(*inputs()).square().mean().backward()
    outputs = [layer for name, layer in video.named_modules() if name.endswith("attn_temp.to_out.0")]
    assert len(outputs) == len(TEMPORAL_AT)
    assert all(layer.weight.grad.abs().max() > 0 for layer in outputs)  # type: ignore[union-attr, operator]


TEMPORAL_AT = ("down", "middle", "up", "up")  # one layer down, the middle, two layers up


def test_temporal_parts_are_those_that_were_added() -> None:
    parts = denoiser_parts(model())
    assert parts["viddm.temporal"].parameters
    assert {id(one) for one in parts["viddm.temporal"].parameters} == {
        id(one) for one in parts["denoiser.temporal"].parameters
    }


@torch.no_grad()
def test_folder_is_read_again(tmp_path: Path) -> None:
    video = randomised(model(add_source=True))
    video.save_pretrained(tmp_path)
    again = VidDM.from_pretrained(tmp_path)
    assert again.in_blocks
    assert torch.equal(again(*inputs()), video(*inputs()))


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(UseError, match="goes without temporal: lgvi"):
        model(motion_adapter="some/folder")
    with pytest.raises(UseError, match="reuse does not know temporal: lgvi"):
        model().reusing(2)
    with pytest.raises(UseError, match="this UNet has none"):
        add_temporal_blocks(nn.Conv2d(1, 1, 1))
    other = UNet2DConditionModel(**{**UNET, "only_cross_attention": True})
    with pytest.raises(UseError, match="plain layer norms"):
        add_temporal_blocks(other)
