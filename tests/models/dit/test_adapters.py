"""Adapters in a transformer, and what is written for diffusers alone: read there, it computes the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanPipeline, WanTransformer3DModel
from support.parts import fit, make_data, tiny_module
from support.video_models import WAN, wan_module

from veggie_pl.callbacks import Freeze
from veggie_pl.errors import UseError
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.models.dit.adapters import DenoiserLora, save_for_diffusers


def inputs() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    return {
        "hidden_states": torch.randn(1, 32, 2, 2, 2, generator=generator),
        "timestep": torch.tensor([300.0]),
        "encoder_hidden_states": torch.randn(1, 16, 24, generator=generator),
        "return_dict": False,
    }


@pytest.fixture
def learnt() -> Any:
    lora = DenoiserLora(rank=2, alpha=6, targets=("self_attention", "feed_forward"))
    module = wan_module(lora=lora, context="shared")  # the library's own attention
    for name, parameter in module.viddm.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return module


def test_adapters_change_nothing_at_first_and_lie_in_the_parts_that_are_named() -> None:
    plain, adapted = wan_module(), wan_module(lora=DenoiserLora(rank=2, targets=("cross_attention",)))
    own = dict(adapted.viddm.named_parameters())
    put = {name for name in own if "lora_" in name}
    assert put
    assert all(".attn2." in name for name in put)
    base = {name.replace(".base_layer.", "."): value for name, value in own.items() if name not in put}
    plain.viddm.load_state_dict(base)
    given = [torch.randn(1, 2, 16, 2, 2), torch.randn(1, 2, 16, 2, 2), torch.tensor([300.0]), torch.randn(1, 5, 2, 24)]
    assert torch.equal(plain.viddm(*given), adapted.viddm(*given))


def test_adapters_learn_in_frozen_parts() -> None:
    module = wan_module(lora=DenoiserLora(rank=2))
    before = {name: value.clone() for name, value in module.viddm.state_dict().items()}
    frozen = ["self_attention", "cross_attention", "feed_forward", "norm", "embedding", "output"]
    freeze = Freeze(["vae", "mllm", *(f"denoiser.{part}" for part in frozen)])
    fit(module.train(), make_data(5, batch_size=2), 2, callbacks=[freeze])
    moved = {name for name, value in module.viddm.state_dict().items() if not torch.equal(value, before[name])}
    assert any("lora_A" in name for name in moved)
    assert {name for name in moved if "lora_" not in name} == {
        "transformer.patch_embedding.weight",
        "transformer.patch_embedding.bias",
    }


def test_a_model_folder_holds_adapters_in_its_weights(learnt: Any, tmp_path: Path) -> None:
    save_model(learnt, tmp_path / "model")
    again = load_model(tmp_path / "model").viddm
    assert not any("lora_" in name for name in again.state_dict())
    given = inputs()
    torch.testing.assert_close(again.transformer(**given)[0], learnt.viddm.transformer(**given)[0], rtol=0, atol=1e-5)
    assert any("lora_" in name for name in learnt.viddm.state_dict())  # it goes on learning


@torch.no_grad()
def test_the_library_alone_reads_what_was_written(learnt: Any, tmp_path: Path) -> None:
    save_for_diffusers(learnt, tmp_path / "merged")
    transformer = WanTransformer3DModel.from_pretrained(tmp_path / "merged/transformer")
    merged = transformer(**inputs())[0]
    torch.testing.assert_close(merged, learnt.viddm.transformer(**inputs())[0], rtol=0, atol=1e-5)
    vae = AutoencoderKLWan.from_pretrained(tmp_path / "merged/vae")
    assert all(torch.equal(a, b) for a, b in zip(vae.parameters(), learnt.vae.vae.parameters(), strict=True))
    assert FlowMatchEulerDiscreteScheduler.from_pretrained(tmp_path / "merged/scheduler").config.shift == 3.0
    assert sorted(path.name for path in (tmp_path / "merged").iterdir()) == ["scheduler", "transformer", "vae"]


@torch.no_grad()
def test_pipelines_of_diffusers_load_the_adapters(learnt: Any, tmp_path: Path) -> None:
    save_for_diffusers(learnt, tmp_path / "parts", "separate")
    parts = tmp_path / "parts"
    transformer = WanTransformer3DModel.from_pretrained(parts / "transformer")
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(parts / "scheduler")
    pipe = WanPipeline(None, None, AutoencoderKLWan.from_pretrained(parts / "vae"), scheduler, transformer)
    wanted = learnt.viddm.transformer(**inputs())[0]
    assert not torch.allclose(pipe.transformer(**inputs())[0], wanted)
    pipe.load_lora_weights(str(parts))
    torch.testing.assert_close(pipe.transformer(**inputs())[0], wanted, rtol=0, atol=1e-5)


def test_an_embedding_of_the_source_is_written_beside(tmp_path: Path) -> None:
    module = wan_module(source="added", transformer_config={**WAN, "in_channels": 16})
    save_for_diffusers(module, tmp_path / "parts")
    assert (tmp_path / "parts/source_embedding.safetensors").is_file()
    assert WanTransformer3DModel.from_pretrained(tmp_path / "parts/transformer").config.in_channels == 16


def test_what_has_no_adapters_or_parts_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"lora.targets: \['attention'\] are no parts; the choices are temporal, source"):
        wan_module(lora=DenoiserLora(targets=("attention",)))
    with pytest.raises(UseError, match="WanTransformer3DModel has no linear layers in temporal"):
        wan_module(lora=DenoiserLora(targets=("temporal",)))
    with pytest.raises(UseError, match="no adapters that could be stored separately"):
        save_for_diffusers(wan_module(), tmp_path / "parts", "separate")
    with pytest.raises(UseError, match="VidDM is no diffusion transformer"):
        save_for_diffusers(tiny_module(), tmp_path / "parts")


def test_an_image_is_told_its_tokens_as_often_as_a_clip() -> None:
    model = wan_module().viddm
    noisy, source, timestep = torch.randn(2, 1, 1, 16, 2, 2), torch.randn(1, 1, 16, 2, 2), torch.tensor([300.0])
    tokens = torch.randn(1, 1, 2, 24)
    once, often = (model(noisy[0], source, timestep, told) for told in (tokens, tokens.repeat(1, 1, 4, 1)))
    assert torch.equal(once, often)
    with pytest.raises(UseError, match="tokens_per_frame is 8"):
        model(noisy[0], source, timestep, torch.randn(1, 1, 3, 24))
