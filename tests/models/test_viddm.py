import math
from typing import Any

import pytest
import torch
from support.parts import TEMPORAL, UNET
from torch import nn

from veggie_pl.errors import UseError
from veggie_pl.models import VidDM
from veggie_pl.models.erasing import PACE


def randomise(module: nn.Module) -> None:
    """An untrained output layer is zero here and there, which would hide differences."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.1)


def inputs(size: int = 2, num_frames: int = 3) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(2)
    noisy, source = torch.randn(2, size, num_frames, 48, 4, 4)
    return noisy, source, torch.arange(size) * 400 + 3, torch.randn(size, num_frames, 2, 24)


@pytest.mark.parametrize("pool_task", [False, True])
def test_inflation_equals_image_model_frame_by_frame(pool_task: bool) -> None:
    image = VidDM(UNET, pool_task=pool_task)
    randomise(image)
    video = VidDM(UNET, TEMPORAL, True, pool_task=pool_task)
    missing, unexpected = video.load_state_dict(image.state_dict(), strict=False)
    assert not unexpected
    assert missing
    assert all("motion_modules" in key for key in missing)
    noisy, source, timestep, tokens = inputs()
    expected = image(noisy, source, timestep, tokens)
    torch.testing.assert_close(video(noisy, source, timestep, tokens), expected, atol=1e-4, rtol=1e-4)
    assert expected.abs().mean() > 0.05  # not trivially zero


def test_video_model_mixes_frames_once_temporal_layers_learn() -> None:
    video = VidDM(UNET, TEMPORAL, True)
    randomise(video)
    noisy, source, timestep, tokens = inputs()
    before = video(noisy, source, timestep, tokens)
    noisy[:, 2] += 1
    assert not torch.allclose(video(noisy, source, timestep, tokens)[:, 0], before[:, 0])


def test_frame_attends_to_its_own_tokens_only() -> None:
    image = VidDM(UNET)
    randomise(image)
    noisy, source, timestep, tokens = inputs()
    before = image(noisy, source, timestep, tokens)
    tokens[:, 1] += 1
    after = image(noisy, source, timestep, tokens)
    assert not torch.allclose(after[:, 1], before[:, 1])
    torch.testing.assert_close(after[:, [0, 2]], before[:, [0, 2]])


def test_untrained_add_source_copies_the_source() -> None:
    model = VidDM(UNET, add_source=True)
    noisy, source, timestep, tokens = inputs()
    torch.testing.assert_close(model(noisy, source, timestep, tokens), source)


@pytest.mark.parametrize("temporal", [{}, {"video": True}, {"video": True, "temporal": "lgvi"}])
def test_erasing_nothing_is_the_model_without_it(temporal: dict[str, Any]) -> None:
    plain = VidDM(UNET, add_source=True, **temporal)
    randomise(plain)
    erasing = VidDM(UNET, add_source=True, erase_source=True, **temporal)
    missing, unexpected = erasing.load_state_dict(plain.state_dict(), strict=False)
    assert sorted(missing) == ["unet.conv_out.erase.bias", "unet.conv_out.erase.weight"]
    assert not unexpected
    assert torch.equal(erasing(*inputs()), plain(*inputs()))


def test_what_is_erased_is_no_longer_seen() -> None:
    model = VidDM(UNET, add_source=True, erase_source=True)
    noisy, source, timestep, tokens = inputs()
    nn.init.constant_(model.unet.conv_out.bias, 0.25)
    nn.init.constant_(model.unet.conv_out.erase.bias, 20)
    torch.testing.assert_close(model(noisy, source, timestep, tokens), torch.full_like(source, 0.25))
    nn.init.constant_(model.unet.conv_out.erase.bias, 0.5 / PACE)
    expected = source * (1 - math.tanh(0.5)) + 0.25
    torch.testing.assert_close(model(noisy, source, timestep, tokens), expected)


def test_erasing_learns_from_its_first_step() -> None:
    model = VidDM(UNET, add_source=True, erase_source=True)
    model(*inputs()).square().mean().backward()
    assert model.unet.conv_out.erase.bias.grad.abs().min() > 0


def test_nothing_is_erased_where_no_source_is_added() -> None:
    with pytest.raises(UseError, match="erase_source needs add_source: true"):
        VidDM(UNET, erase_source=True)


def test_attention_kernels_agree() -> None:
    fused, eager = VidDM(UNET), VidDM(UNET, eager_attention=True)
    randomise(fused)
    eager.load_state_dict(fused.state_dict())
    torch.testing.assert_close(fused(*inputs()), eager(*inputs()), atol=1e-4, rtol=1e-4)


def test_pool_task_without_a_width_is_an_error() -> None:
    with pytest.raises(ValueError, match="time_cond_proj_dim"):
        VidDM({**UNET, "time_cond_proj_dim": None}, pool_task=True)


def test_folder_round_trip(tmp_path: object) -> None:
    model = VidDM(UNET, TEMPORAL, True, pool_task=True)
    randomise(model)
    model.save_pretrained(str(tmp_path))
    again = VidDM.from_pretrained(str(tmp_path), low_cpu_mem_usage=False)
    torch.testing.assert_close(again(*inputs()), model(*inputs()), rtol=0, atol=0)
