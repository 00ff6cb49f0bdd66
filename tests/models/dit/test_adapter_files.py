"""Adapters in files of diffusers: its pipelines load them, we read them back, those of another base are one error."""

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import denoisers, image_transformers

from veggie_pl.errors import UseError
from veggie_pl.models.dit.adapter_files import NAME, save_adapters
from veggie_pl.models.dit.adapters import DenoiserLora, save_for_diffusers, without_adapters

LORA = DenoiserLora(rank=2, alpha=6, targets=("self_attention", "cross_attention", "feed_forward"))
PIPELINES = {
    "wan": "WanPipeline",
    "vace": "WanVACEPipeline",
    "ltx": "LTXPipeline",
    "cogvideox": "CogVideoXPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
}


def tiny(name: str, **changes: Any) -> Any:
    return (image_transformers.denoiser if name in image_transformers.KINDS else denoisers.tiny)(name, **changes)


def inputs(name: str) -> Any:
    return image_transformers.inputs() if name in image_transformers.KINDS else denoisers.inputs()


def learnt(name: str, **changes: Any) -> Any:
    """After one training step, from weights that a loss moves."""
    model = tiny(name, **{"lora": LORA, **changes}).train()
    adapters = {key: value for key, value in model.named_parameters() if "lora_" in key}
    optimizer = torch.optim.SGD(adapters.values(), 1.0)
    before = {key: value.detach().clone() for key, value in adapters.items()}
    for _ in range(2):  # the second matrix is zero at first, and the first one learns nothing behind it
        optimizer.zero_grad()
        (10 * model(*inputs(name)).square().mean()).backward()
        optimizer.step()
    moved = {key for key, value in adapters.items() if not torch.equal(value, before[key])}
    unread = (".1.attn.to_add_out", ".1.attn.add_q_proj")  # what SD3's last block makes of the text
    assert not {key for key in adapters.keys() - moved if not any(part in key for part in unread)}
    return model.eval()


def bare(name: str, place: Path) -> Any:
    """A pipeline of diffusers around a transformer's folder, without what needs no weights here."""
    kind = getattr(diffusers, PIPELINES[name])
    names = [one for one in kind._get_signature_types() if one != "self"]
    transformer = getattr(diffusers, tiny(name).library).from_pretrained(place / "transformer")
    return kind(**{**dict.fromkeys(names), "transformer": transformer, "vae": None})


@pytest.mark.parametrize("name", PIPELINES)
@torch.no_grad()
def test_pipelines_load_them_and_so_do_we(name: str, tmp_path: Path) -> None:
    with torch.enable_grad():
        model = learnt(name)
    given, wanted = inputs(name), model(*inputs(name))
    merged = without_adapters(model)
    assert not any("lora_" in key for key in merged.state_dict())
    torch.testing.assert_close(merged(*given), wanted, rtol=1e-5, atol=1e-5)
    save_adapters(model.transformer, tmp_path)
    base = {k.replace(".base_layer.", "."): v for k, v in model.transformer.state_dict().items() if "lora_" not in k}
    plain = getattr(diffusers, model.library).from_config(model.transformer.config)
    plain.load_state_dict(base)
    plain.save_pretrained(tmp_path / "transformer")

    again = tiny(name, weights=str(tmp_path), adapters=str(tmp_path))
    assert again.config.adapters is None
    beside = {key: value for key, value in model.state_dict().items() if not key.startswith("transformer.")}
    again.load_state_dict({**again.state_dict(), **beside})
    assert torch.equal(again(*given), wanted)
    assert not torch.allclose(tiny(name, weights=str(tmp_path))(*given), wanted)
    assert {p.dtype for key, p in again.named_parameters() if "lora_" in key} == {torch.float32}

    pipe = bare(name, tmp_path)
    pipe.load_lora_weights(str(tmp_path))
    model.transformer = pipe.transformer.eval()
    if name not in ("sd3", "flux"):
        model.use_frames(model.tokens_per_frame)
    assert torch.equal(model(*given), wanted)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_layers_of_pictures_have_the_names_that_targets_say(name: str) -> None:
    joint = "attn.to_q", "attn.add_q_proj"
    for part, own in zip(("self_attention", "cross_attention"), joint, strict=True):
        model = tiny(name, lora=DenoiserLora(rank=2, targets=(part,)))
        layers = {key.split(".lora_")[0] for key in model.transformer.state_dict() if "lora_" in key}
        assert f"transformer_blocks.0.{own}" in layers
        assert not any(
            (".attn.add_" in layer or "to_add_out" in layer) != (part == "cross_attention") for layer in layers
        )
        if name == "flux":
            assert ("single_transformer_blocks.0.attn.to_q" in layers) == (part == "self_attention")


def test_layers_are_those_of_the_part_and_no_others_of_a_like_name() -> None:
    model = tiny("flux", lora=DenoiserLora(rank=2, targets=("output",)))
    layers = {key.split(".lora_")[0] for key in model.transformer.state_dict() if "lora_" in key}
    assert layers == {"norm_out.linear", "proj_out"}  # and no block's proj_out


def test_adapters_of_another_format_of_the_library_are_read(tmp_path: Path) -> None:
    model = learnt("wan", lora=DenoiserLora(rank=2, alpha=2, targets=("self_attention",)))
    save_adapters(model.transformer, tmp_path)
    names = {"attn1.to_q": "self_attn.q", "attn1.to_k": "self_attn.k", "attn1.to_v": "self_attn.v"}
    names["attn1.to_out.0"] = "self_attn.o"
    state = {}
    for key, value in load_file(tmp_path / NAME).items():
        for own, theirs in names.items():
            key = key.replace(own, theirs)
        state[key.replace("transformer.", "diffusion_model.")] = value
    save_file(state, tmp_path / "original.safetensors")
    again = tiny("wan", adapters=str(tmp_path / "original.safetensors"))
    again.load_state_dict(model.state_dict() | {k: v for k, v in again.state_dict().items() if "lora_" in k})
    assert torch.equal(again(*inputs("wan")), model(*inputs("wan")))


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("ltx", {}, r"of another base than this LTXVideoTransformer3DModel: .* unexpected keys, such as blocks\.0"),
        ("vace", {}, "of another base: they were trained on a WanVACETransformer3DModel of this size with other"),
        ("wan", {"config": {"num_layers": 1}}, r"another base than this WanTransformer3DModel: 20 unexpected keys"),
        ("wan", {"config": {"attention_head_dim": 24}}, r"of another shape: blocks\.0\.attn1\.to_k\.lora_A.weight is"),
        ("wan", {"config": {"in_channels": 16, "out_channels": 8}}, "of this size with other weights.*`transformer`"),
    ],
)
def test_adapters_of_another_base_are_one_error(name: str, changes: Any, said: str, tmp_path: Path) -> None:
    save_adapters(tiny("wan", lora=LORA).transformer, tmp_path)
    with pytest.raises(UseError, match=said):
        tiny(name, adapters=str(tmp_path), **changes)


def test_what_are_no_adapters_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(
        UseError, match=r"no adapters at 'nowhere': neither a .safetensors file nor a folder with pytor"
    ):
        tiny("wan", adapters="nowhere")
    save_file({"scale": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(UseError, match="holds no LoRA adapters; there are 1 tensors, such as 'scale'"):
        tiny("wan", adapters=str(tmp_path / "other.safetensors"))
    model = tiny("wan", lora=LORA)
    save_adapters(model.transformer, tmp_path)
    with pytest.raises(UseError, match="give one of the two"):
        tiny("wan", lora=LORA, adapters=str(tmp_path))
    state = load_file(tmp_path / NAME)
    lost = next(key for key in state if "lora_B" in key)
    save_file({key: value for key, value in state.items() if key != lost}, tmp_path / "half.safetensors")
    with pytest.raises(UseError, match=r"of another base .*1 missing keys, such as blocks"):
        tiny("wan", adapters=str(tmp_path / "half.safetensors"))
    state[lost].fill_(float("nan"))
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(UseError, match="1 weights with NaN"):
        tiny("wan", adapters=str(tmp_path / "nan.safetensors"))


def test_what_is_written_for_diffusers_is_where_one_goes_on(tmp_path: Path) -> None:
    from support.video_models import wan_module

    module = wan_module(lora=DenoiserLora(rank=2))
    save_for_diffusers(module, tmp_path, "separate")
    again = wan_module(seed=1, weights=str(tmp_path), adapters=str(tmp_path)).viddm
    own = module.viddm.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in again.state_dict().items())


@pytest.mark.parametrize("name", PIPELINES)
def test_of_shapes_alone_they_have_the_shapes_of_what_is_stored(name: str, tmp_path: Path) -> None:
    """As `plan` counts them, which reads no weights."""
    made = tiny(name, lora=LORA)
    save_adapters(made.transformer, tmp_path)
    with torch.device("meta"):
        planned = tiny(name, adapters=str(tmp_path))
    assert all(value.is_meta for value in planned.transformer.parameters())
    shapes = [
        {key: (value.shape, value.requires_grad) for key, value in one.transformer.named_parameters()}
        for one in (made, planned)
    ]
    assert shapes[0] == shapes[1]
