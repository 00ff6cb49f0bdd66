"""Wan's transformer with source and task tokens brought to it, against the library's own forward."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel

from veggie_pl.errors import UseError
from veggie_pl.models.denoiser import Denoiser
from veggie_pl.models.dit import WanDenoiser
from veggie_pl.models.dit.frames import per_latent_frame

TINY = {
    "patch_size": [1, 2, 2],
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 8,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}


def tiny(**changes: Any) -> WanDenoiser:
    torch.manual_seed(0)
    return WanDenoiser(**{"transformer_config": TINY, "latent_size": (4, 4), "tokens_per_frame": 3, **changes})


def inputs(frames: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    noisy, source = torch.randn(2, 2, frames, 4, 4, 4, generator=generator)
    return noisy, source, torch.tensor([300.0, 900.0]), torch.randn(2, frames, 3, 16, generator=generator)


def test_it_is_a_denoiser() -> None:
    model = tiny()
    assert isinstance(model, Denoiser)
    assert (model.width, model.channels, model.latent_size) == (16, 4, (4, 4))


def test_shared_context_is_the_librarys_own_forward() -> None:
    model = tiny(context="shared")
    noisy, source, timestep, tokens = inputs()
    both = torch.cat([noisy, source], 2).transpose(1, 2)
    plain = model.transformer(both, timestep, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    assert torch.equal(model(noisy, source, timestep, tokens), plain)


def test_equal_tokens_in_all_frames_are_the_shared_context() -> None:
    noisy, source, timestep, tokens = inputs()
    same = tokens[:, :1].expand(-1, 3, -1, -1)
    framewise, shared = tiny()(noisy, source, timestep, same), tiny(context="shared")(noisy, source, timestep, same)
    torch.testing.assert_close(framewise, shared, rtol=0, atol=1e-6)


def test_a_frame_reads_its_own_tokens_in_cross_attention() -> None:
    model = tiny(transformer_config={**TINY, "num_layers": 1})
    block = model.transformer.blocks[0]
    seen: list[torch.Tensor] = []
    block.attn2.register_forward_hook(lambda module, given, out: seen.append(out))
    noisy, source, timestep, tokens = inputs()
    model(noisy, source, timestep, tokens)
    changed = tokens.clone()
    changed[:, 1] += 1
    model(noisy, source, timestep, changed)
    differ = (seen[0] - seen[1]).abs().unflatten(1, (3, 4)).amax((0, 2, 3)) > 1e-6
    assert differ.tolist() == [False, True, False]


def test_text_to_video_weights_ignore_the_source_at_first(tmp_path: Path) -> None:
    torch.manual_seed(3)
    WanTransformer3DModel.from_config({**TINY, "in_channels": 4}).save_pretrained(tmp_path / "transformer")
    plain = WanTransformer3DModel.from_pretrained(tmp_path / "transformer")
    model = tiny(weights=str(tmp_path), extend_channels=True, context="shared", scale_source=True)
    noisy, source, timestep, tokens = inputs()
    wanted = plain(noisy.transpose(1, 2), timestep, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    torch.testing.assert_close(model(noisy, source, timestep, tokens), wanted, rtol=0, atol=1e-6)
    with torch.no_grad():
        model.transformer.patch_embedding.weight[:, 4:] += 0.1
    learnt = model(noisy, source, timestep, tokens)
    assert not torch.allclose(learnt, wanted)
    assert torch.equal(model(noisy, source, 0 * timestep, tokens), model(noisy, 0 * source, 0 * timestep, tokens))
    with pytest.raises(UseError, match="extend_channels"):
        tiny(weights=str(tmp_path))


def test_a_model_of_the_change_copies_before_it_has_learnt() -> None:
    noisy, source, timestep, tokens = inputs()
    assert torch.equal(tiny(add_source=True)(noisy, source, timestep, tokens), -source)


def test_a_model_that_gives_latents_points_its_slope_away_from_them() -> None:
    noisy, source, timestep, tokens = inputs()
    latents = tiny()(noisy, source, timestep, tokens)
    slope = tiny(gives="latents")(noisy, source, timestep, tokens)
    back = noisy - timestep[:, None, None, None, None] / 1000 * slope
    torch.testing.assert_close(back, latents, rtol=0, atol=1e-5)


def test_gradients_reach_tokens_with_and_without_checkpoints() -> None:
    found = []
    for checkpointing in (False, True):
        model = tiny(gradient_checkpointing=checkpointing).train()
        noisy, source, timestep, tokens = inputs()
        tokens.requires_grad_()
        model(noisy, source, timestep, tokens).square().mean().backward()
        assert tokens.grad is not None
        found.append(tokens.grad)
    assert found[0].abs().sum() > 0
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("grouping", ["concat", "pool"])
def test_a_latent_frame_gets_the_tokens_of_its_frames(grouping: Any) -> None:
    tokens = torch.arange(9.0)[None, :, None, None].expand(1, 9, 2, 1)
    found = per_latent_frame(tokens, 3, grouping)[0, ..., 0]
    if grouping == "pool":
        assert found[:, 0].tolist() == [0.0, 2.5, 6.5]
    else:
        assert found[:, ::2].tolist() == [[0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8]]


def test_what_does_not_fit_is_one_error() -> None:
    noisy, source, timestep, tokens = inputs()
    with pytest.raises(UseError, match="no multiple"):
        tiny()(noisy[..., :3], source[..., :3], timestep, tokens)
    with pytest.raises(UseError, match="tokens_per_frame is 3"):
        tiny()(noisy, source, timestep, tokens[:, :, :2])
    with pytest.raises(UseError, match="8 frames cannot be shared out among 3"):
        per_latent_frame(torch.zeros(1, 8, 1, 1), 3, "concat")


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    model = tiny(add_source=True)
    model.save_pretrained(tmp_path)
    again = WanDenoiser.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert again.config.transformer_config == model.config.transformer_config
    given = inputs()
    assert torch.equal(again(*given), model(*given))
