"""What all transformers share: how the source gets in, and where weights come from."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTXVideoTransformer3DModel, WanTransformer3DModel

from tests.models.dit.test_wan import TINY, inputs, tiny
from veggie_pl.errors import UseError

TEXT_TO_VIDEO = {**TINY, "in_channels": 4}


def text_to_video(folder: Path) -> Any:
    torch.manual_seed(3)
    plain = WanTransformer3DModel.from_config(TEXT_TO_VIDEO)
    plain.save_pretrained(folder / "transformer")
    return plain


def added(**changes: Any) -> Any:
    return tiny(transformer_config=TEXT_TO_VIDEO, source="added", context="shared", **changes)


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
