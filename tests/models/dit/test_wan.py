"""Wan's transformer with source and task tokens brought to it, against the library's own forward."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel
from support import denoisers as tinies
from support.denoisers import WAN as TINY
from support.denoisers import inputs

from veggie_pl.errors import UseError
from veggie_pl.models.dit import PlacedWanDenoiser
from veggie_pl.models.dit.frames import per_latent_frame


def tiny(**changes: Any) -> Any:
    return tinies.tiny("wan", **changes)


@pytest.mark.parametrize("frames", [1, 3])
def test_shared_context_is_the_librarys_own_forward(frames: int) -> None:
    model = tiny(context="shared")
    noisy, source, timestep, tokens = inputs(frames)
    both = torch.cat([noisy, source], 2).transpose(1, 2)
    plain = model.transformer(both, timestep, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    assert torch.equal(model(noisy, source, timestep, tokens), plain)


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


def test_a_clean_frame_has_timestep_zero_as_in_ti2v() -> None:
    model, (noisy, source, timestep, tokens) = tiny(context="shared", scale_source=True), inputs()
    clean = torch.tensor([[True, False, False]]).expand(2, -1)
    mask = torch.ones(3, 4, 4)
    mask[0] = 0
    tokens_at = (mask[:, ::2, ::2].flatten() * timestep[:, None]).float()  # as expand_timesteps does
    shown = source * (~clean[:, :, None, None, None] * timestep[:, None, None, None, None] / 1000)
    both = torch.cat([noisy, shown], 2).transpose(1, 2)
    wanted = model.transformer(both, tokens_at, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    torch.testing.assert_close(model(noisy, source, timestep, tokens, clean), wanted, rtol=0, atol=1e-6)
    assert not torch.allclose(model(noisy, source, timestep, tokens), wanted)


def test_a_timestep_for_every_cell_is_the_same_as_one_for_the_clip() -> None:
    model, (noisy, source, timestep, tokens) = tiny(), inputs()
    none = torch.zeros(2, 3, dtype=torch.bool)
    cellwise, whole = model(noisy, source, timestep, tokens, none), model(noisy, source, timestep, tokens)
    torch.testing.assert_close(cellwise, whole, rtol=0, atol=1e-6)


def test_image_to_video_layouts_are_one_error(tmp_path: Path) -> None:
    for changes in ({"in_channels": 12}, {"image_dim": 8}, {"added_kv_proj_dim": 24}):
        with pytest.raises(UseError, match="image-to-video layout"):
            tiny(config=changes)
    WanTransformer3DModel.from_config({**TINY, "in_channels": 12}).save_pretrained(tmp_path)
    with pytest.raises(UseError, match="takes 12 channels; 8 are needed"):
        tiny(weights=str(tmp_path), extend_channels=True)


def test_a_model_of_the_change_copies_before_it_has_learnt() -> None:
    noisy, source, timestep, tokens = inputs()
    assert torch.equal(tiny(add_source=True)(noisy, source, timestep, tokens), -source)


def test_a_model_that_gives_latents_points_its_slope_away_from_them() -> None:
    noisy, source, timestep, tokens = inputs()
    latents = tiny()(noisy, source, timestep, tokens)
    slope = tiny(gives="latents")(noisy, source, timestep, tokens)
    back = noisy - timestep[:, None, None, None, None] / 1000 * slope
    torch.testing.assert_close(back, latents, rtol=0, atol=1e-5)


@pytest.mark.parametrize("grouping", ["concat", "one", "pool"])
def test_a_latent_frame_gets_the_tokens_of_its_frames(grouping: Any) -> None:
    tokens = torch.arange(9.0)[None, :, None, None].expand(1, 9, 2, 1)
    found = per_latent_frame(tokens, 3, grouping)[0, ..., 0]
    if grouping == "pool":
        assert found[:, 0].tolist() == [0.0, 2.5, 6.5]
    elif grouping == "one":
        assert found[:, 0].tolist() == [0.0, 4.0, 8.0]
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


def test_patches_that_are_placed_know_where_they_are_and_all_else_is_the_same() -> None:
    placed = tiny(kind=PlacedWanDenoiser)
    noisy, source, timestep, tokens = inputs()
    plain = tiny()
    seen = []
    for model in (plain, placed):
        model.transformer.blocks[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        model(noisy, source, timestep, tokens)
    width = 24
    added = (seen[1] - seen[0]).unflatten(1, (3, 2, 2))  # clips, frames, rows, columns, width
    torch.testing.assert_close(added, added[:1, :1].expand_as(added), rtol=0, atol=1e-5)  # of no clip and no frame
    row, column = added[0, 0, 1, 0], added[0, 0, 0, 1]  # the second of two is at 8 of 16 units
    rates = 10000.0 ** -(torch.arange(width // 4) / (width // 4))
    waves = torch.cat([(8 * rates).sin(), (8 * rates).cos()]) / 2
    still = torch.cat([torch.zeros(width // 4), torch.ones(width // 4)]) / 2
    torch.testing.assert_close(row, torch.cat([still, waves]), rtol=0, atol=1e-5)
    torch.testing.assert_close(column, torch.cat([waves, still]), rtol=0, atol=1e-5)
    assert placed.transformer.state_dict().keys() == plain.transformer.state_dict().keys()
    assert not placed.transformer.patch_embedding._forward_hooks
