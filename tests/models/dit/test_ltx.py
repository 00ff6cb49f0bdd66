"""LTX's transformer as a denoiser, against the library's own forward."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTXPipeline
from safetensors.torch import save_file
from support import denoisers as tinies
from support.denoisers import inputs

from veggie_pl.errors import UseError


def tiny(**changes: Any) -> Any:
    return tinies.tiny("ltx", **changes)


def plain(
    model: Any, shown: torch.Tensor, told: torch.Tensor, timestep: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """The library's forward, called as its pipeline calls it."""
    frames, height, width = shown.shape[1], *shown.shape[3:]
    packed = LTXPipeline._pack_latents(shown.transpose(1, 2))
    out = model.transformer(
        hidden_states=packed,
        encoder_hidden_states=told,
        timestep=timestep,
        encoder_attention_mask=torch.ones(told.shape[:2], dtype=torch.bool) if mask is None else mask,
        num_frames=frames,
        height=height,
        width=width,
        rope_interpolation_scale=(8 / 25, 32, 32),
        return_dict=False,
    )[0]
    return LTXPipeline._unpack_latents(out, frames, height, width).transpose(1, 2)


@pytest.mark.parametrize("frames", [1, 3])
def test_shared_context_is_the_librarys_own_forward(frames: int) -> None:
    model = tiny(context="shared")
    noisy, source, timestep, tokens = inputs(frames)
    noisy, source = (latents[..., :3] for latents in (noisy, source))  # height is not width
    wanted = plain(model, torch.cat([noisy, source], 2), tokens.flatten(1, 2), timestep)
    torch.testing.assert_close(model(noisy, source, timestep, tokens), wanted, rtol=0, atol=1e-6)


@torch.no_grad()
def test_tokens_beside_the_empty_prompt_are_the_librarys_under_its_mask_at_first(tmp_path: Path) -> None:
    state = torch.randn(1, 16)
    save_file({"prompt_embeds": state}, tmp_path / "empty.safetensors")
    model = tiny(tokens_join="beside", prompt=str(tmp_path / "empty.safetensors"), prompt_rows=7)
    noisy, source, timestep, tokens = inputs()
    padded = torch.cat([state, torch.randn(3, 16)]).expand(2, -1, -1)  # as its pipeline has it, what is behind masked
    mask = torch.tensor([[True, False, False, False]] * 2)
    wanted = plain(tiny(context="shared"), torch.cat([noisy, source], 2), padded, timestep, mask)
    torch.testing.assert_close(model(noisy, source, timestep, tokens), wanted, rtol=0, atol=1e-6)
    model.beside.layer.weight += 0.1
    assert not torch.allclose(model(noisy, source, timestep, tokens), wanted, atol=1e-3)


def test_a_frame_reads_its_own_tokens_in_cross_attention() -> None:
    model = tiny()
    seen: list[Any] = []
    model.transformer.transformer_blocks[0].attn2.register_forward_hook(lambda module, given, out: seen.append(out))
    noisy, source, timestep, tokens = inputs()
    changed = tokens.clone()
    changed[:, 1] += 1
    model(noisy, source, timestep, tokens)
    model(noisy, source, timestep, changed)
    differ = (seen[0] - seen[1]).abs().unflatten(1, (3, 16)).amax((0, 2, 3)) > 1e-6
    assert differ.tolist() == [False, True, False]


def test_a_mask_is_folded_with_the_tokens() -> None:
    model = tiny()
    cells, tokens = torch.randn(2, 48, 24), torch.randn(2, 9, 24)
    attention = model.transformer.transformer_blocks[0].attn2
    mask = torch.zeros(2, 1, 9)
    mask[:, :, 4] = -10000.0  # the second token of the second frame
    masked = attention(cells, tokens, mask).unflatten(1, (3, 16))
    frame = torch.stack([tokens[:, 3], tokens[:, 5]], 1)
    wanted = attention.processor.plain(attention, cells[:, 16:32], frame)
    torch.testing.assert_close(masked[:, 1], wanted, rtol=0, atol=1e-6)


def test_a_clean_frame_has_timestep_zero() -> None:
    model, (noisy, source, timestep, tokens) = tiny(context="shared"), inputs()
    clean = torch.tensor([[True, False, False]]).expand(2, -1)
    at = torch.cat([torch.zeros(2, 16), timestep[:, None].expand(-1, 32)], 1)
    wanted = plain(model, torch.cat([noisy, source], 2), tokens.flatten(1, 2), at)
    torch.testing.assert_close(model(noisy, source, timestep, tokens, clean), wanted, rtol=0, atol=1e-6)


def test_positions_follow_the_size_of_a_cell() -> None:
    assert not torch.allclose(tiny()(*inputs()), tiny(cell_size=[8 / 12, 32.0, 32.0])(*inputs()))
    assert tiny(cell_size=[8 / 12, 32.0, 32.0]).config.cell_size == [8 / 12, 32.0, 32.0]


def test_patches_of_several_cells_are_one_error() -> None:
    with pytest.raises(UseError, match="patches are of one cell"):
        tiny(config={"patch_size": 2})
