"""Weights of transformers: read one after the other, matrices in 16 bits, what learns in 32."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel
from support import denoisers, image_transformers
from support.parts import fit, make_data
from support.video_models import COG_VAE, WAN, WAN21_VAE, WAN22_VAE, wan_module

from veggie_pl.callbacks import Freeze
from veggie_pl.errors import UseError
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.models.dit import weights
from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.models.fit import check_parts
from veggie_pl.models.parts import denoiser_parts
from veggie_pl.models.stored import Stored
from veggie_pl.models.video_codec import CogVideoXCodec, WanCodec

FROZEN = [
    "vae",
    "mllm",
    *(f"denoiser.{part}" for part in ("self_attention", "cross_attention", "feed_forward", "norm")),
]


def half_folder(place: Path) -> str:
    torch.manual_seed(4)
    WanTransformer3DModel.from_config({**WAN, "in_channels": 16}).to(torch.bfloat16).save_pretrained(
        place, max_shard_size="20KB"
    )
    assert len(list(place.glob("*.safetensors"))) > 1
    return str(place)


@pytest.mark.parametrize("name", ["wan", "vace", "ltx", "cogvideox", "sd3", "flux"])
def test_only_matrices_of_blocks_are_held_in_sixteen_bits(name: str) -> None:
    make: Any = image_transformers.denoiser if name in image_transformers.KINDS else denoisers.tiny
    given = image_transformers.inputs() if name in image_transformers.KINDS else denoisers.inputs()
    model = make(name, dtype="bfloat16").requires_grad_(False)
    parts = denoiser_parts(model)
    for part in ("patch", "output", "embedding", "source"):
        if (found := parts.get(f"denoiser.{part}")) is not None:
            assert {p.dtype for p in found.parameters} == {torch.float32}, part
    held = {
        p.dtype
        for part in ("self_attention", "feed_forward")
        for p in parts[f"denoiser.{part}"].parameters
        if p.ndim > 1
    }
    assert held == {torch.bfloat16}
    assert {p.dtype for p in model.parameters() if p.ndim == 1} == {torch.float32}
    full = make(name)
    full.load_state_dict({key: value.float() for key, value in model.state_dict().items()})
    with torch.autocast("cpu", torch.bfloat16):
        wanted = full(*given)
    assert torch.equal(model(*given), wanted.float())  # as autocast computes it, and by itself


def test_weights_of_sixteen_bits_take_half_and_are_those_of_the_folder(tmp_path: Path) -> None:
    place = half_folder(tmp_path)
    full, half = (wan_module(weights=place, extend_channels=True, dtype=kind).viddm for kind in ("float32", "bfloat16"))
    own = full.state_dict()
    assert all(torch.equal(value.float(), own[key]) for key, value in half.state_dict().items())
    matrices = [p for p in half.parameters() if p.dtype == torch.bfloat16]
    saved = sum(2 * p.numel() for p in matrices)
    size = [sum(p.numel() * p.element_size() for p in model.parameters()) for model in (full, half)]
    assert size[0] - size[1] == saved > 0.15 * size[0]  # half of the matrices, which at this size are a third


def test_a_folder_is_read_tensor_by_tensor_into_one_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, made = half_folder(tmp_path), []
    filled: list[int] = []  # parameters that have memory, whenever a tensor is read
    build, take = weights.built, Stored.of_slice

    def counting(one: Any) -> Stored:
        stored = take(one)

        def read() -> torch.Tensor:
            filled.append(sum(not p.is_meta for p in made[0].parameters()))
            return stored.read()

        return Stored(stored.shape, read)

    def kept(*args: Any) -> Any:
        made.append(build(*args))
        return made[0]

    monkeypatch.setattr("veggie_pl.models.dit.base.built", kept)
    monkeypatch.setattr(Stored, "of_slice", counting)
    model = wan_module(weights=place, extend_channels=True).viddm
    count = len(list(model.transformer.parameters()))
    grown, *others = filled  # the patch embedding is read at once, for it grows
    assert grown == 0
    assert sorted({*others}) == others  # one more with every tensor: none is read ahead, none is held twice
    assert len(others) == count - 1
    assert not any(p.is_meta for p in model.parameters())


def test_what_learns_beside_frozen_matrices_is_float32(tmp_path: Path) -> None:
    place = half_folder(tmp_path)
    module = wan_module(weights=place, extend_channels=True, dtype="bfloat16", lora=DenoiserLora(rank=2))
    before = {name: value.clone() for name, value in module.viddm.state_dict().items()}
    fit(module.train(), make_data(5, batch_size=2), 2, callbacks=[Freeze(FROZEN)])
    learns = {name: p for name, p in module.viddm.named_parameters() if p.requires_grad}
    assert {p.dtype for p in learns.values()} == {torch.float32}
    assert {p.grad.dtype for p in learns.values() if p.grad is not None} <= {torch.float32}
    moved = {name for name, value in module.viddm.state_dict().items() if not torch.equal(value, before[name])}
    assert any("lora_A" in name for name in moved)
    assert "transformer.patch_embedding.weight" in moved
    assert not any("base_layer.weight" in name for name in moved)
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model").viddm
    assert again.config.dtype == "float32"  # adapters were added, which 16 bits would round away
    base = dict(module.viddm.named_parameters())["transformer.blocks.0.attn1.to_q.base_layer.weight"]
    assert not torch.equal(again.transformer.blocks[0].attn1.to_q.weight, base.float())


def test_a_folder_of_a_model_keeps_its_sixteen_bits(tmp_path: Path) -> None:
    model = denoisers.tiny("wan", dtype="bfloat16")
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path, low_cpu_mem_usage=False)
    kept = model.state_dict()
    assert all(
        value.dtype == kept[key].dtype and torch.equal(value, kept[key]) for key, value in again.state_dict().items()
    )


def test_matrices_of_sixteen_bits_that_are_to_learn_are_one_error() -> None:
    model = denoisers.tiny("wan", dtype="bfloat16")
    said = "are to learn, such as blocks.0.attn1.to_q.weight, .*freeze denoiser.self_attention.*dtype to float32"
    with pytest.raises(UseError, match=said):
        model(*denoisers.inputs())
    with torch.no_grad():
        model(*denoisers.inputs())


def with_codec(place: Path, codec: Any) -> None:
    """A module of a pipeline folder's transformer, and a codec."""
    half_folder(place / "transformer")
    module = wan_module(weights=str(place), extend_channels=True)
    parts = {"mllm": module.mllm, "queries": module.queries, "aligner": module.aligner, "viddm": module.viddm}
    check_parts(**parts, vae=codec)


def test_a_codec_of_another_model_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    own = WanCodec(None, WAN21_VAE)
    own.save_pretrained(str(tmp_path / "vae"))
    with_codec(tmp_path, own)
    said = r"weights were trained with another codec: vae has _class_name {} and not AutoencoderKLWan"
    cogvideox = CogVideoXCodec(None, {**COG_VAE, "latent_channels": 16})  # as many channels, as many frames
    with pytest.raises(UseError, match=said.format("AutoencoderKLCogVideoX")):
        with_codec(tmp_path, cogvideox)
    other = WanCodec(None, {**WAN21_VAE, "latents_std": [2.0] * 16})
    with pytest.raises(UseError, match=r"another codec: vae has latents_std \[2.0, .* and not \[2.8184"):
        with_codec(tmp_path, other)
    with pytest.raises(UseError, match="viddm in_channels is 32, but twice the codec's channels is 96"):
        with_codec(tmp_path, WanCodec(None, WAN22_VAE))  # of another version
    check_parts(
        **{name: getattr(wan_module(), name) for name in ("mllm", "queries", "aligner", "viddm")}, vae=cogvideox
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_layers": 2}, r"it lacks weights or has others: 2\d missing keys, such as blocks\.1\."),
        ({"ffn_dim": 64}, r"of another shape: blocks\.0\.ffn\.\S+ is \[32"),
        ({"in_channels": 96, "out_channels": 48}, "takes 16 channels; 96 are needed"),  # Wan 2.2 5B's
    ],
)
def test_weights_of_another_size_or_version_are_one_error(config: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UseError, match=said):
        wan_module(weights=half_folder(tmp_path), extend_channels=True, transformer_config={**WAN, **config})
