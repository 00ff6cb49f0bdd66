"""Small Stable Diffusion checkpoints with random weights, in the layouts that people have on disk."""

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

SD_UNET: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [16, 32],
    "layers_per_block": 2,
    "cross_attention_dim": 24,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
SD_VAE: dict[str, Any] = {
    "block_out_channels": [8, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
}


def sd_unet(**changes: Any) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**{**SD_UNET, **changes})


def sd_vae() -> AutoencoderKL:
    torch.manual_seed(1)
    return AutoencoderKL(**SD_VAE)


def write_original(path: Path, unet: UNet2DConditionModel, vae: AutoencoderKL) -> Path:
    """One file with the keys of the original Stable Diffusion code: diffusers' conversion, backwards."""
    state = {f"model.diffusion_model.{original_unet_key(k, unet)}": v for k, v in unet.state_dict().items()}
    state |= {f"first_stage_model.{original_vae_key(k, vae)}": as_conv(k, v) for k, v in vae.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return path


def original_unet_key(key: str, unet: UNet2DConditionModel) -> str:
    """As ``ldm.modules.diffusionmodules.openaimodel.UNetModel`` numbers its blocks."""
    for ours, theirs in {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }.items():
        if key.startswith(f"{ours}."):
            return key.replace(ours, theirs, 1)
    per_block = unet.config.layers_per_block + 1
    key = (
        key.replace("norm1.", "in_layers.0.")
        .replace("conv1", "in_layers.2")
        .replace("norm2.", "out_layers.0.")
        .replace("conv2", "out_layers.3")
        .replace("time_emb_proj", "emb_layers.1")
        .replace("conv_shortcut", "skip_connection")
        if "resnets" in key
        else key
    )
    if found := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, number, rest = found.groups()
        return f"middle_block.{2 * int(number) if kind == 'resnets' else 1}.{rest}"
    found = re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", key)
    assert found, key
    way, block, kind, layer, rest = found.groups()
    first = int(block) * per_block
    if kind == "downsamplers":
        return f"input_blocks.{1 + first + per_block - 1}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        place = 2 if unet.config.up_block_types[int(block)].startswith("CrossAttn") else 1
        return f"output_blocks.{first + per_block - 1}.{place}.{rest}"
    number = first + int(layer) + (1 if way == "down" else 0)
    return f"{'input' if way == 'down' else 'output'}_blocks.{number}.{0 if kind == 'resnets' else 1}.{rest}"


def original_vae_key(key: str, vae: AutoencoderKL) -> str:
    """As ``ldm.models.autoencoder.AutoencoderKL`` has them: decoder blocks count from the inside out."""
    last = len(vae.config.block_out_channels) - 1
    key = re.sub(r"decoder\.up_blocks\.(\d)", lambda m: f"decoder.up.{last - int(m[1])}", key)
    key = key.replace("down_blocks.", "down.").replace("resnets.", "block.").replace("conv_shortcut", "nin_shortcut")
    key = key.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
    key = re.sub(r"mid_block\.block\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = key.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
    key = re.sub(r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1", key)
    key = key.replace("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out")
    return key.replace("conv_norm_out", "norm_out")


def as_conv(key: str, value: Tensor) -> Tensor:
    """The original code has 1 x 1 convolutions where diffusers has linear layers."""
    return value[:, :, None, None] if "attentions" in key and key.endswith("weight") and value.ndim == 2 else value
