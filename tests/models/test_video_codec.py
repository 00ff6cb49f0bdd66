"""Codecs that compress time: their latents are those of diffusers' pipelines, and frames that do not fit are errors."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTXConditionPipeline
from support.checkpoints import sd_vae
from support.video_models import COG_VAE, LTX_VAE, WAN21_VAE, WAN22_VAE, write_vae

from veggie_pl.errors import UseError
from veggie_pl.models import Codec, CogVideoXCodec, LtxCodec, WanCodec

KINDS = {
    "wan2.1": (WanCodec, "AutoencoderKLWan", WAN21_VAE),
    "wan2.2": (WanCodec, "AutoencoderKLWan", WAN22_VAE),
    "ltx": (LtxCodec, "AutoencoderKLLTXVideo", LTX_VAE),
    "cogvideox": (CogVideoXCodec, "AutoencoderKLCogVideoX", COG_VAE),
}


def published(vae: Any, latents: torch.Tensor, back: bool) -> torch.Tensor:
    """Bring latents to the diffusion model's scale, or back, as diffusers' pipelines have it."""
    config, name = vae.config, type(vae).__name__
    if name == "AutoencoderKLLTXVideo":
        scale = LTXConditionPipeline._denormalize_latents if back else LTXConditionPipeline._normalize_latents
        return scale(latents, vae.latents_mean, vae.latents_std, config.scaling_factor)
    if name == "AutoencoderKLCogVideoX":
        return latents / config.scaling_factor if back else latents * config.scaling_factor
    mean = torch.tensor(config.latents_mean).view(1, config.z_dim, 1, 1, 1)
    std = 1.0 / torch.tensor(config.latents_std).view(1, config.z_dim, 1, 1, 1)
    return latents / std + mean if back else (latents - mean) * std


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_latents_and_pixels_are_those_of_diffusers(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, library, config = KINDS[kind]
    vae, codec = write_vae(tmp_path, library, config), made(str(tmp_path)).eval()
    assert isinstance(codec, Codec)
    frames, side = codec.step + 1, 2 * codec.factor
    clips = torch.rand(2, frames, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    source, target = codec.encode_both(clips[:1], clips[1:], [torch.Generator()])
    assert source.shape[1:] == codec.latent_shape(frames, side, side)
    assert codec.pixel_size(2, 2) == (side, side)
    mode = vae.encode(clips.transpose(1, 2)).latent_dist.mode()
    wanted = published(vae, mode, back=False).transpose(1, 2)
    torch.testing.assert_close(torch.cat([source, target]), wanted, rtol=0, atol=1e-5)
    told = {"temb": torch.zeros(1)} if kind == "ltx" else {}
    torch.manual_seed(0)  # of the noise inside LTX's decoder
    decoded = vae.decode(published(vae, wanted[:1].transpose(1, 2), back=True), **told).sample.clamp(-1, 1)
    seen = torch.get_rng_state()
    pixels = codec.decode(wanted)
    assert torch.equal(torch.get_rng_state(), seen)
    assert pixels.shape == clips.shape
    torch.testing.assert_close(pixels[:1].transpose(1, 2), decoded, rtol=0, atol=1e-5)
    monkeypatch.setattr("veggie_pl.models.video_codec.MOST_PIXELS", 1)  # one clip at a time
    torch.testing.assert_close(codec.encode_target(clips, []), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_an_image_is_a_clip_of_one_frame(kind: str) -> None:
    made, _, config = KINDS[kind]
    codec = made(None, config).eval()
    picture = torch.zeros(1, 1, 3, codec.factor, codec.factor)
    latents = codec.encode_source(picture)
    assert latents.shape == (1, 1, codec.channels, 1, 1)
    assert codec.decode(latents).shape == picture.shape


def test_lengths_of_clips_that_come_back_whole() -> None:
    wan, cog = WanCodec(None, WAN21_VAE), CogVideoXCodec(None, COG_VAE)
    assert [wan.frames_taken(n) for n in (-2, 0, 1, 4, 5, 8, 9, 11)] == [0, 0, 1, 1, 5, 5, 9, 9]
    assert [cog.frames_taken(n) for n in (1, 5, 9, 16, 17)] == [1, 1, 9, 9, 17]
    assert [cog.latent_shape(n, 8, 8)[0] for n in (1, 9, 17)] == [1, 3, 5]


def test_clips_between_are_an_error_with_the_nearest() -> None:
    codec = WanCodec(None, WAN21_VAE)
    nearest = r"4 k \+ 1 frames .* multiples of 8, not 8 frames of 20 x 16; the nearest are 5 or 9 frames of 16 x 16"
    with pytest.raises(UseError, match=nearest):
        codec.encode_source(torch.zeros(1, 8, 3, 20, 16))
    with pytest.raises(UseError, match=r"nearest are 9 frames of 480 x 832"):
        codec.latent_shape(9, 481, 832)
    with pytest.raises(UseError, match=r"nearest are 1 frames of 8 x 8"):
        codec.latent_shape(0, 8, 8)


def test_a_folder_of_another_class_is_one_error(tmp_path: Path) -> None:
    sd_vae().save_pretrained(tmp_path / "sd/vae")
    with pytest.raises(UseError, match="holds a AutoencoderKL, not a AutoencoderKLWan"):
        WanCodec(str(tmp_path / "sd"))
    with pytest.raises(UseError, match=r"no AutoencoderKLLTXVideo: it has no config\.json"):
        LtxCodec(str(tmp_path / "nowhere"))
    with pytest.raises(UseError, match=r"4 frames at a time, its config\.json has levels for 2"):
        WanCodec(None, {**WAN21_VAE, "temperal_downsample": [False, False, True]})


@torch.no_grad()
def test_weights_of_sixteen_bits_give_float32(tmp_path: Path) -> None:
    codec = WanCodec(None, WAN21_VAE).eval()
    codec.vae.to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        latents = codec.encode_source(torch.zeros(1, 1, 3, 8, 8))
        pixels = codec.decode(latents)
    assert latents.dtype == pixels.dtype == torch.float32


@torch.no_grad()
def test_a_folder_written_is_the_folder_read(tmp_path: Path) -> None:
    write_vae(tmp_path, "AutoencoderKLLTXVideo", LTX_VAE)
    codec = LtxCodec(str(tmp_path), decode_timestep=0.05).eval()
    codec.save_pretrained(str(tmp_path / "again"))
    again = LtxCodec(str(tmp_path / "again"), decode_timestep=0.05).eval()
    latents = torch.randn(1, 2, 8, 1, 1)
    assert torch.equal(codec.decode(latents), again.decode(latents))
    assert not torch.equal(codec.decode(latents), LtxCodec(str(tmp_path)).eval().decode(latents))


@torch.no_grad()
def test_tiles_give_nearly_the_same(tmp_path: Path) -> None:
    write_vae(tmp_path, "AutoencoderKLWan", WAN21_VAE)
    whole, tiled = (WanCodec(str(tmp_path), tiling=tiling).eval() for tiling in (False, True))
    tiled.vae.enable_tiling(16, 16, 8, 8)
    clip = torch.rand(1, 1, 3, 24, 24) * 2 - 1
    cut = tiled.encode_source(clip)
    assert cut.shape == whole.encode_source(clip).shape
    assert not torch.equal(cut, whole.encode_source(clip))
    assert tiled.decode(cut).shape == clip.shape
