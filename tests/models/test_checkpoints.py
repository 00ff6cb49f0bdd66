"""Public checkpoints go in as they are, or there is one clear error."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import MotionAdapter, UNetMotionModel
from safetensors.torch import load_file, save_file
from support.checkpoints import SD_UNET, SD_VAE, sd_unet, sd_vae, write_original

from veggie_pl.models import KlCodec, VidDM

ADAPTER = {"motion_num_attention_heads": 2, "motion_norm_num_groups": 4, "block_out_channels": [16, 32]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    unet, vae = sd_unet(), sd_vae()
    unet.save_pretrained(folder / "pipeline/unet")
    vae.save_pretrained(folder / "pipeline/vae")
    write_original(folder / "original.safetensors", unet, vae)
    sd_unet(in_channels=4).save_pretrained(folder / "text2image/unet")
    torch.manual_seed(2)
    MotionAdapter(**ADAPTER).save_pretrained(folder / "adapter")
    return folder


def inputs(channels: int = 4, frames: int = 3) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(3)
    noisy, source = torch.randn(2, 2, frames, channels, 8, 8)
    return noisy, source, torch.tensor([3, 700]), torch.randn(2, frames, 5, 24)


@pytest.mark.parametrize("place", ["pipeline/unet", "pipeline", "original.safetensors"])
def test_unet_of_every_layout_is_the_same(home: Path, place: str) -> None:
    state = VidDM(SD_UNET, weights=str(home / place)).unet.state_dict()
    expected = sd_unet().state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


@pytest.mark.parametrize("place", ["pipeline/vae", "pipeline", "original.safetensors"])
def test_vae_of_every_layout_is_the_same(home: Path, place: str) -> None:
    state = KlCodec(str(home / place), SD_VAE).vae.state_dict()
    expected = sd_vae().state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


def test_text_to_image_unet_is_extended_only_when_asked(home: Path) -> None:
    path = str(home / "text2image")
    with pytest.raises(ValueError, match=r"takes 4 channels.*8 are needed.*extend_channels: true"):
        VidDM(SD_UNET, weights=path)
    model = VidDM(SD_UNET, weights=path, extend_channels=True)
    noisy, source, timestep, tokens = inputs()
    out = model(noisy, source, timestep, tokens)
    plain = sd_unet(in_channels=4)(noisy.flatten(0, 1), timestep.repeat_interleave(3), tokens.flatten(0, 1)).sample
    torch.testing.assert_close(out.flatten(0, 1), plain)
    torch.testing.assert_close(model(noisy, -source, timestep, tokens), out)


def test_motion_adapter_gives_what_diffusers_gives(home: Path) -> None:
    ours = VidDM(SD_UNET, video=True, weights=str(home / "pipeline"), motion_adapter=str(home / "adapter")).eval()
    theirs = UNetMotionModel.from_unet2d(sd_unet(), MotionAdapter.from_pretrained(home / "adapter")).eval()
    noisy, source, timestep, tokens = inputs()
    both = torch.cat([noisy, source], 2).transpose(1, 2)
    expected = theirs(both, timestep, tokens.flatten(0, 1)).sample.transpose(1, 2)
    assert torch.equal(ours(noisy, source, timestep, tokens), expected)
    fresh = VidDM(SD_UNET, video=True, weights=str(home / "pipeline"), temporal_config=ADAPTER).eval()
    image = VidDM(SD_UNET, weights=str(home / "pipeline")).eval()
    wanted = image(noisy, source, timestep, tokens)
    torch.testing.assert_close(fresh(noisy, source, timestep, tokens), wanted, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(expected, wanted)


def test_folder_written_from_checkpoints_needs_them_no_more(home: Path, tmp_path: Path) -> None:
    places = {name: shutil.copytree(home / name, tmp_path / name) for name in ("text2image", "adapter")}
    made = VidDM(
        SD_UNET,
        video=True,
        weights=str(places["text2image"]),
        motion_adapter=str(places["adapter"]),
        extend_channels=True,
    )
    made.save_pretrained(tmp_path / "viddm")
    for place in places.values():
        shutil.rmtree(place)
    again = VidDM.from_pretrained(tmp_path / "viddm", low_cpu_mem_usage=False)
    assert torch.equal(again(*inputs()), made.eval()(*inputs()))


def test_gradient_checkpointing_changes_no_gradient(home: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = VidDM(SD_UNET, weights=str(home / "pipeline"), gradient_checkpointing=checkpointing).train()
        assert model.unet.is_gradient_checkpointing == checkpointing
        model(*inputs()).square().mean().backward()
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def unet_without(folder: Path, key: str, add: str | None = None) -> Path:
    sd_unet().save_pretrained(folder)
    path = folder / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    value = state.pop(key)
    save_file({**state, **({add: value} if add else {})}, path, metadata={"format": "pt"})
    return folder


def break_it(kind: str, home: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    """A path that cannot be read, and options."""
    match kind:
        case "missing":
            return str(folder / "instruct-pix2pix"), {}
        case "empty":
            return str(folder), {}
        case "pickle":
            torch.save(sd_unet().state_dict(), folder / "model.ckpt")
            return str(folder / "model.ckpt"), {}
        case "bin":
            sd_unet().save_pretrained(folder / "unet", safe_serialization=False)
            return str(folder), {}
        case "lacks":
            return str(unet_without(folder, "conv_out.weight")), {}
        case "extra":
            return str(unet_without(folder, "conv_out.bias", add="conv_gone.bias")), {}
        case "narrow":
            return str(home / "pipeline"), {"unet_config": {**SD_UNET, "block_out_channels": [16, 64]}}
        case "narrow file":
            return str(home / "original.safetensors"), {"unet_config": {**SD_UNET, "cross_attention_dim": 32}}
        case "vae":
            return str(home / "pipeline/vae"), {}
        case "not original":
            save_file({"a": torch.zeros(1)}, folder / "other.safetensors")
            return str(folder / "other.safetensors"), {}
        case "cut":
            whole = (home / "original.safetensors").read_bytes()
            (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
            return str(folder / "cut.safetensors"), {}
        case "adapter for another":
            wide = {**ADAPTER, "block_out_channels": [16, 64]}
            MotionAdapter(**wide).save_pretrained(folder / "adapter")
            return str(home / "pipeline"), {"video": True, "motion_adapter": str(folder / "adapter")}
        case "no adapter":
            return str(home / "pipeline"), {"video": True, "motion_adapter": str(home / "pipeline/unet")}
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", r"instruct-pix2pix is not there; `hf download timbrooks/instruct-pix2pix .*4 GB"),
        ("empty", "is no folder of diffusers"),
        ("pickle", "is a pickle.*weights_only=True"),
        ("bin", "no .safetensors; pickles"),
        ("lacks", "does not hold what its config.json says: 1 missing keys, such as conv_out.weight"),
        ("extra", "1 missing keys, such as conv_out.bias; 1 unexpected keys, such as conv_gone.bias"),
        ("narrow", "does not fit the config.*the config wants"),
        ("narrow file", r"is \[.*24\], the config wants \[.*32\]"),
        ("vae", "holds a AutoencoderKL, not a UNet2DConditionModel"),
        ("not original", "does not fit the config: it lacks"),
        ("cut", "is no checkpoint of the original Stable Diffusion code"),
        ("adapter for another", r"made for block_out_channels \[16, 64\], this UNet has \[16, 32\]"),
        ("no adapter", "holds a UNet2DConditionModel, not a MotionAdapter"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(home: Path, tmp_path: Path, kind: str, message: str) -> None:
    path, options = break_it(kind, home, tmp_path)
    with pytest.raises(ValueError, match=message):
        VidDM(**{"unet_config": SD_UNET, "weights": path, **options})


def test_codec_tells_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not there; `hf download timbrooks"):
        KlCodec(str(tmp_path / "instruct-pix2pix"))
    sd_vae().save_pretrained(tmp_path / "vae")
    config = json.loads((tmp_path / "vae/config.json").read_text())
    (tmp_path / "vae/config.json").write_text(json.dumps({**config, "latent_channels": 8}))
    with pytest.raises(ValueError, match=r"cannot be read as a AutoencoderKL|does not hold"):
        KlCodec(str(tmp_path))
