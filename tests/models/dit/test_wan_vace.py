"""VACE's transformer as a denoiser, against the library's own forward and pipeline."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, LTXVideoTransformer3DModel, WanTransformer3DModel, WanVACEPipeline
from support import denoisers as tinies
from support.denoisers import LTX, WAN, inputs

from veggie_pl.errors import UseError


def tiny(**changes: Any) -> Any:
    return tinies.tiny("vace", **changes)


@pytest.mark.parametrize("frames", [1, 3])
def test_shared_context_is_the_librarys_own_forward(frames: int) -> None:
    model = tiny(context="shared")
    noisy, source, timestep, tokens = inputs(frames)
    control = torch.cat([torch.zeros_like(source), source, torch.ones_like(source)], 2).transpose(1, 2)
    told = tokens.flatten(1, 2)
    plain = model.transformer(noisy.transpose(1, 2), timestep, told, control_hidden_states=control, return_dict=False)[
        0
    ]
    assert torch.equal(model(noisy, source, timestep, tokens), plain.transpose(1, 2))


def test_context_is_that_of_the_pipeline_but_for_its_grey_half() -> None:
    scale = {"latents_mean": [0.1] * 4, "latents_std": [2.0] * 4}
    vae = AutoencoderKLWan(base_dim=3, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, **scale).eval()
    model = tiny(config={"vace_in_channels": 8 + 64})
    pipeline = WanVACEPipeline(None, None, vae, None, transformer=model.transformer)
    video = torch.rand(1, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = torch.ones_like(video)
    with torch.no_grad():
        halves = pipeline.prepare_video_latents(video, mask, [[]], device=torch.device("cpu"))
        reactive = ((vae.encode(video).latent_dist.mode() - 0.1) / 2).transpose(1, 2)
    made = model.control(reactive)
    torch.testing.assert_close(made[:, 4:8], halves[:, 4:], rtol=0, atol=1e-6)
    assert torch.equal(made[:, 8:], pipeline.prepare_masks(mask, [[]]))


def test_weights_of_text_to_video_ignore_the_context_at_first(tmp_path: Path) -> None:
    torch.manual_seed(3)
    WanTransformer3DModel.from_config({**WAN, "in_channels": 4}).save_pretrained(tmp_path / "transformer")
    plain = WanTransformer3DModel.from_pretrained(tmp_path / "transformer")
    model = tiny(weights=str(tmp_path), extend_channels=True, context="shared")
    noisy, source, timestep, tokens = inputs()
    wanted = plain(noisy.transpose(1, 2), timestep, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    assert torch.equal(model(noisy, source, timestep, tokens), wanted)
    copied = model.transformer.vace_blocks[1].attn2.to_q.weight
    assert torch.equal(copied, plain.blocks[1].attn2.to_q.weight)
    for _ in range(3):  # the projections out of the context, then into it, then its patch embedding
        model.zero_grad()
        model(noisy, source, timestep, tokens).square().mean().backward()
        with torch.no_grad():
            for parameter in model.transformer.parameters():
                parameter -= parameter.grad
    assert model.transformer.vace_patch_embedding.weight.grad.abs().sum() > 0
    out = model(noisy, source, timestep, tokens)
    assert not torch.allclose(out, model(noisy, 0 * source, timestep, tokens))
    with pytest.raises(UseError, match="holds a WanTransformer3DModel, not a WanVACETransformer3DModel"):
        tiny(weights=str(tmp_path))
    with pytest.raises(UseError, match=r"does not fit the config.*blocks\.2\."):
        tiny(config={"num_layers": 3}, weights=str(tmp_path), extend_channels=True)


def test_its_own_weights_are_read(tmp_path: Path) -> None:
    wanted = tiny()
    with torch.no_grad():
        wanted.transformer.vace_patch_embedding.weight.normal_()
    wanted.transformer.save_pretrained(tmp_path)
    for extend in (False, True):
        assert torch.equal(tiny(weights=str(tmp_path), extend_channels=extend)(*inputs()), wanted(*inputs()))


def test_the_contexts_blocks_read_the_tokens_of_their_frame() -> None:
    model = tiny()
    seen: list[Any] = []
    model.transformer.vace_blocks[0].attn2.register_forward_hook(lambda module, given, out: seen.append(out))
    noisy, source, timestep, tokens = inputs()
    changed = tokens.clone()
    changed[:, 1] += 1
    model(noisy, source, timestep, tokens)
    model(noisy, source, timestep, changed)
    differ = (seen[0] - seen[1]).abs().unflatten(1, (3, 4)).amax((0, 2, 3)) > 1e-6
    assert differ.tolist() == [False, True, False]


def test_what_does_not_fit_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match="vace_in_channels is 8"):
        tiny(config={"vace_in_channels": 8})
    with pytest.raises(UseError, match="no source by 'added'; the choices are context"):
        tiny(source="added")
    LTXVideoTransformer3DModel.from_config(LTX).save_pretrained(tmp_path)
    for extend in (False, True):
        with pytest.raises(UseError, match="holds a LTXVideoTransformer3DModel"):
            tiny(weights=str(tmp_path), extend_channels=extend)
