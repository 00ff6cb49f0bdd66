"""Video transformers of diffusers so small that a forward takes no time, as denoisers of 4 channels."""

from typing import Any

import torch

from veggie_pl.models.dit import CogVideoXDenoiser, LtxDenoiser, TransformerDenoiser, WanDenoiser, WanVaceDenoiser

WAN: dict[str, Any] = {
    "patch_size": [1, 2, 2],
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 8,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
VACE = {**WAN, "in_channels": 4, "vace_layers": [0, 1], "vace_in_channels": 12}
LTX: dict[str, Any] = {
    "in_channels": 8,
    "out_channels": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "cross_attention_dim": 24,
    "caption_channels": 16,
    "num_layers": 2,
}
COGVIDEOX: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "in_channels": 8,
    "out_channels": 4,
    "time_embed_dim": 8,
    "text_embed_dim": 16,
    "num_layers": 2,
    "sample_width": 4,
    "sample_height": 4,
    "sample_frames": 9,
    "max_text_seq_length": 9,
}
KINDS: dict[str, tuple[type[TransformerDenoiser], dict[str, Any]]] = {
    "wan": (WanDenoiser, WAN),
    "vace": (WanVaceDenoiser, VACE),
    "ltx": (LtxDenoiser, LTX),
    "cogvideox": (CogVideoXDenoiser, COGVIDEOX),
    "cogvideox rotary": (CogVideoXDenoiser, {**COGVIDEOX, "use_rotary_positional_embeddings": True}),
}


def tiny(name: str, config: dict[str, Any] | None = None, kind: Any = None, **changes: Any) -> Any:
    """Make one of a kind; ``config`` are changes of the transformer's, ``changes`` those of the denoiser's."""
    usual, own = KINDS[name]
    torch.manual_seed(0)
    return (kind or usual)(
        **{"transformer_config": {**own, **(config or {})}, "latent_size": (4, 4), "tokens_per_frame": 3, **changes}
    )


def inputs(frames: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two samples: noisy and source latents, timesteps, task tokens."""
    generator = torch.Generator().manual_seed(1)
    noisy, source = torch.randn(2, 2, frames, 4, 4, 4, generator=generator)
    return noisy, source, torch.tensor([300.0, 900.0]), torch.randn(2, frames, 3, 16, generator=generator)
