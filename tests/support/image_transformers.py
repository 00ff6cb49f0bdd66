"""Tiny SD3 and FLUX with random weights: denoisers, and pipeline folders in the public format."""

from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor

from support.checkpoints import SD_VAE
from veggie_pl.models import FluxDenoiser, Sd3Denoiser

WIDTH, POOLED, QUERIES = 24, 10, 3
SD3: dict[str, Any] = {
    "sample_size": 8,
    "patch_size": 2,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 2,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "joint_attention_dim": WIDTH,
    "caption_projection_dim": 16,
    "pooled_projection_dim": POOLED,
    "pos_embed_max_size": 8,
}
FLUX: dict[str, Any] = {
    "patch_size": 1,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": WIDTH,
    "pooled_projection_dim": POOLED,
    "guidance_embeds": True,
    "axes_dims_rope": [4, 4, 8],
}
KINDS: dict[str, Any] = {"sd3": (Sd3Denoiser, SD3), "flux": (FluxDenoiser, FLUX)}
VAE = {**SD_VAE, "use_quant_conv": False, "use_post_quant_conv": False, "scaling_factor": 1.5, "shift_factor": 0.06}
SHIFTS = {"sd3": {}, "flux": {"use_dynamic_shifting": True}}


def denoiser(name: str, **changes: Any) -> Any:
    """With the source added, which leaves the transformer that of the library."""
    torch.manual_seed(0)
    kind, config = KINDS[name]
    built = {"transformer_config": config, "latent_size": (4, 4), "tokens_per_frame": QUERIES, "source": "added"}
    return kind(**{**built, **changes})


def plain(name: str) -> Any:
    """The library's own model."""
    kind, config = KINDS[name]
    torch.manual_seed(5)
    return getattr(diffusers, kind.library).from_config(config).eval()


def inputs(frames: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    noisy, source = torch.randn(2, 2, frames, 4, 4, 4, generator=generator)
    return noisy, source, torch.tensor([300.0, 900.0]), torch.randn(2, frames, QUERIES, WIDTH, generator=generator)


def write_pipeline(name: str, folder: Path) -> Path:
    """Transformer, autoencoder, scheduler and index, as a repository on the hub has them."""
    plain(name).save_pretrained(folder / "transformer")
    diffusers.AutoencoderKL(**VAE).save_pretrained(folder / "vae")
    diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, **SHIFTS[name]).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text('{"_class_name": "DiffusionPipeline"}')
    return folder
