"""What all transformers share: how the source gets in, and where weights come from."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTXVideoTransformer3DModel, WanTransformer3DModel
from support import denoisers as tinies
from support.denoisers import KINDS, WAN, inputs

from veggie_pl.errors import UseError
from veggie_pl.models.denoiser import Denoiser

TEXT_TO_VIDEO = {**WAN, "in_channels": 4}


def tiny(**changes: Any) -> Any:
    return tinies.tiny("wan", **changes)


def text_to_video(folder: Path) -> Any:
    torch.manual_seed(3)
    plain = WanTransformer3DModel.from_config(TEXT_TO_VIDEO)
    plain.save_pretrained(folder / "transformer")
    return plain


def added(**changes: Any) -> Any:
    return tiny(transformer_config=TEXT_TO_VIDEO, source="added", context="shared", **changes)


@pytest.mark.parametrize("name", KINDS)
def test_it_is_a_denoiser(name: str) -> None:
    model = tinies.tiny(name)
    assert isinstance(model, Denoiser)
    assert (model.width, model.channels, model.latent_size) == (16, 4, (4, 4))
    assert model(*inputs()).shape == (2, 3, 4, 4, 4)
    assert model.layer_kind("transformer.blocks.0") == "spatial"


@pytest.mark.parametrize("name", KINDS)
def test_gradients_reach_tokens_and_source_with_and_without_checkpoints(name: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = tinies.tiny(name, gradient_checkpointing=checkpointing).train()
        noisy, source, timestep, tokens = inputs()
        tokens.requires_grad_()
        source.requires_grad_()
        model(noisy, source, timestep, tokens).square().mean().backward()
        assert tokens.grad is not None
        assert source.grad is not None
        found.append((tokens.grad, source.grad))
    assert all(gradient.flatten(2).abs().sum(2).all() for gradient in found[0])
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("name", KINDS)
def test_equal_tokens_in_all_frames_are_the_shared_context(name: str) -> None:
    noisy, source, timestep, tokens = inputs()
    same = tokens[:, :1].expand(-1, 3, -1, -1)
    framewise, shared = tinies.tiny(name), tinies.tiny(name, context="shared", tokens_per_frame=1)
    found = framewise(noisy, source, timestep, same)
    one = tokens[:, 0].unsqueeze(2)  # all frames have one token each, of the three of the first
    torch.testing.assert_close(found, shared(noisy, source, timestep, one), rtol=0, atol=1e-6)
    assert not torch.allclose(found, framewise(noisy, source, timestep, tokens), atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_an_image_reads_all_of_its_tokens(name: str) -> None:
    framewise, shared = tinies.tiny(name), tinies.tiny(name, context="shared")
    torch.testing.assert_close(framewise(*inputs(1)), shared(*inputs(1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["wan", "vace", "ltx"])
def test_an_image_has_the_tokens_of_a_clips_first_frame(name: str) -> None:
    several = tinies.tiny(name, tokens_per_frame=12)  # of four frames
    torch.testing.assert_close(several(*inputs(1)), tinies.tiny(name)(*inputs(1)), rtol=0, atol=1e-6)
    noisy, source, timestep, tokens = inputs()
    nine = torch.cat([tokens, tokens, tokens], 1)
    assert several(noisy, source, timestep, nine).shape == noisy.shape


@pytest.mark.parametrize("name", KINDS)
def test_it_is_kept_and_read_again(name: str, tmp_path: Path) -> None:
    model = tinies.tiny(name)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert again.config.transformer_config == model.config.transformer_config
    given = inputs()
    assert torch.equal(again(*given), model(*given))


@pytest.mark.parametrize("name", ["wan", "ltx", "cogvideox"])
@pytest.mark.parametrize("way", ["channels", "added"])
def test_weights_of_text_to_video_ignore_the_source_at_first(name: str, way: str, tmp_path: Path) -> None:
    plain = tinies.tiny(name, {"in_channels": 4}, source="added")  # its added source is nothing yet
    plain.transformer.save_pretrained(tmp_path)
    channels = {"in_channels": 8 if way == "channels" else 4}
    model = tinies.tiny(name, channels, weights=str(tmp_path), extend_channels=way == "channels", source=way)
    assert (model.config.weights, model.config.extend_channels, model.config.source) == (None, False, way)
    given = inputs()
    wanted, out = plain(*given), model(*given)
    if way == "added":
        assert torch.equal(out, wanted)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-6)
    out.square().mean().backward()
    learns = model.source_embedding if way == "added" else model.transformer.get_submodule(model.embedding)
    with torch.no_grad():
        learns.weight -= 10 * learns.weight.grad
    noisy, source, timestep, tokens = given
    assert not torch.allclose(model(noisy, source, timestep, tokens), model(noisy, 0 * source, timestep, tokens))


@pytest.mark.parametrize("name", ["wan", "vace", "cogvideox"])
def test_a_height_that_no_patch_divides_is_one_error(name: str) -> None:
    noisy, source, timestep, tokens = inputs()
    with pytest.raises(UseError, match="patches are 1 x 2 x 2 latent cells; 3 x 3 x 4 is no multiple"):
        tinies.tiny(name)(noisy[..., :3, :], source[..., :3, :], timestep, tokens)


@pytest.mark.parametrize("name", ["vace", "cogvideox"])
def test_clean_frames_where_a_clip_has_one_timestep_are_one_error(name: str) -> None:
    with pytest.raises(UseError, match="one timestep for a clip"):
        tinies.tiny(name)(*inputs(), torch.ones(2, 3, dtype=torch.bool))


def test_an_added_source_is_nothing_at_first_to_the_bit_and_then_matters(tmp_path: Path) -> None:
    plain, model = text_to_video(tmp_path), added(weights=str(tmp_path))
    noisy, source, timestep, tokens = inputs()
    wanted = plain(noisy.transpose(1, 2), timestep, tokens.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
    out = model(noisy, source, timestep, tokens)
    assert torch.equal(out, wanted)
    out.square().mean().backward()
    gradient = model.source_embedding.weight.grad
    assert gradient.abs().sum() > 0
    with torch.no_grad():
        model.source_embedding.weight -= gradient
    assert not torch.allclose(model(noisy, source, timestep, tokens), wanted)
    assert torch.equal(model(noisy, 0 * source, timestep, tokens), wanted)
    assert not model.transformer.patch_embedding._forward_hooks


def test_an_added_source_is_the_same_as_one_on_channels(tmp_path: Path) -> None:
    text_to_video(tmp_path)
    second = added(weights=str(tmp_path), scale_source=True)
    beside = tiny(weights=str(tmp_path), extend_channels=True, context="shared", scale_source=True)
    with torch.no_grad():
        second.source_embedding.weight.normal_()
        beside.transformer.patch_embedding.weight[:, 4:] = second.source_embedding.weight
    torch.testing.assert_close(second(*inputs()), beside(*inputs()), rtol=0, atol=1e-5)
    assert (second.channels, beside.channels) == (4, 4)


def test_an_added_source_is_kept_and_read_again(tmp_path: Path) -> None:
    model = added()
    with torch.no_grad():
        model.source_embedding.weight.normal_()
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert torch.equal(again(*inputs()), model(*inputs()))


def test_weights_of_text_to_video_with_an_added_source_stay_a_folder_of_the_library(tmp_path: Path) -> None:
    text_to_video(tmp_path)
    added(weights=str(tmp_path)).transformer.save_pretrained(tmp_path / "kept")
    kept, plain = (WanTransformer3DModel.from_pretrained(tmp_path / name) for name in ("kept", "transformer"))
    assert all(torch.equal(kept.state_dict()[name], value) for name, value in plain.state_dict().items())


def test_what_does_not_fit_is_one_error(tmp_path: Path) -> None:
    LTXVideoTransformer3DModel(
        num_layers=1, num_attention_heads=1, attention_head_dim=12, in_channels=4
    ).save_pretrained(tmp_path)
    with pytest.raises(UseError, match="holds a LTXVideoTransformer3DModel, not a WanTransformer3DModel"):
        tiny(weights=str(tmp_path))
    with pytest.raises(UseError, match="no source by 'context'; the choices are channels, added"):
        tiny(source="context")
    with pytest.raises(UseError, match="makes 4 channels, so that with source 'channels' its in_channels are 8"):
        tiny(transformer_config=TEXT_TO_VIDEO)
    with pytest.raises(UseError, match="'added' its in_channels are 4"):
        tiny(source="added")
