"""Small video models with random weights, and autoencoders of theirs in diffusers' folders."""

from pathlib import Path
from typing import Any

import diffusers
import torch

from support.parts import NANO_MLLM
from veggie_pl.models import Aligner, Mllm, PixelCodec, TaskQueries, WanCodec, WanDenoiser
from veggie_pl.module import VeggieModule

WAN21_VAE: dict[str, Any] = {
    "base_dim": 3,
    "z_dim": 16,
    "dim_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "temperal_downsample": [False, True, True],
}
WAN22_VAE: dict[str, Any] = {
    "base_dim": 3,
    "decoder_base_dim": 4,
    "z_dim": 48,
    "dim_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "temperal_downsample": [False, True, True],
    "is_residual": True,
    "patch_size": 2,
    "in_channels": 12,
    "out_channels": 12,
    "scale_factor_spatial": 16,
    "latents_mean": [0.01 * number for number in range(48)],
    "latents_std": [0.5 + 0.01 * number for number in range(48)],
}
LTX_VAE: dict[str, Any] = {
    "latent_channels": 8,
    "block_out_channels": [8, 8, 8, 8],
    "decoder_block_out_channels": [8, 8, 8, 8],
    "layers_per_block": [1, 1, 1, 1, 1],
    "decoder_layers_per_block": [1, 1, 1, 1, 1],
    "spatio_temporal_scaling": [True, True, True, False],
    "decoder_spatio_temporal_scaling": [True, True, True, False],
    "decoder_inject_noise": [True, False, False, False, False],
    "timestep_conditioning": True,
    "patch_size": 4,
    "patch_size_t": 1,
}
COG_VAE: dict[str, Any] = {
    "block_out_channels": [8, 8, 8, 8],
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "temporal_compression_ratio": 4,
}


def write_vae(folder: Path, kind: str, config: dict[str, Any], seed: int = 0) -> Any:
    """Write a pipeline's ``vae`` folder, and give what is in it."""
    torch.manual_seed(seed)
    vae: Any = getattr(diffusers, kind).from_config(config)
    if kind == "AutoencoderKLLTXVideo":
        vae.latents_mean.normal_()
        vae.latents_std.uniform_(0.5, 2)
        for name, value in vae.named_parameters():
            if "per_channel_scale" in name:  # noise inside the decoder counts for nothing at first
                torch.nn.init.ones_(value)
    vae.save_pretrained(folder / "vae")
    return vae.eval()


WAN: dict[str, Any] = {  # for latents of 16 channels, the source beside them
    "patch_size": [1, 2, 2],
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 32,
    "out_channels": 16,
    "text_dim": 24,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 1,
    "rope_max_seq_len": 32,
}


def wan_module(max_frames: int = 9, seed: int = 0, every: int = 1, **denoiser: Any) -> VeggieModule:
    """A whole model of Wan's classes for clips of 16 x 16 pixels, with random weights."""
    torch.manual_seed(seed)
    return VeggieModule(
        mllm=Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager"),
        queries=TaskQueries(num_queries=2, max_frames=max_frames, width=192, every=every),
        aligner=Aligner(width_in=192, width_out=24),
        viddm=WanDenoiser(**{"transformer_config": WAN, "latent_size": (2, 2), "tokens_per_frame": 8, **denoiser}),
        vae=WanCodec(None, WAN21_VAE),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        num_steps=2,
    ).eval()


def nano_dit_module(**options: Any) -> VeggieModule:
    """The classes of conf/backbone/nano_dit.yaml for clips of 16 x 16 pixels, with random weights."""
    torch.manual_seed(0)
    transformer = {**WAN, "in_channels": 96, "out_channels": 48}
    sizes: dict[str, Any] = {"transformer_config": transformer, "latent_size": (4, 4), "tokens_per_frame": 2}
    module = VeggieModule(
        mllm=Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager"),
        queries=TaskQueries(num_queries=2, max_frames=8, width=192),
        aligner=Aligner(width_in=192, width_out=24),
        viddm=WanDenoiser(**sizes, gives="latents", add_source=True),
        vae=PixelCodec(4),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0),
        **options,
    )
    torch.nn.init.normal_(module.viddm.transformer.proj_out.weight, std=0.05)  # or it copies, and little has a gradient
    return module
