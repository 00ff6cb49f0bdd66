"""The video diffusion model: a diffusers UNet for images, inflated to one for video."""

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin, MotionAdapter, UNet2DConditionModel, UNetMotionModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention_processor import AttnProcessor
from jaxtyping import Float, Num
from torch import Tensor, nn

Latents = Float[Tensor, "b f c h w"]


class VidDM(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts from noisy target and source latents, side by side on channels, under each frame's own task tokens.

    Without ``temporal_config`` it is a ``UNet2DConditionModel`` run frame by frame; with it, the ``UNetMotionModel``
    that has the same spatial layers plus temporal attention (AnimateDiff, arXiv:2307.04725). The parameters that both
    have carry the same names, so a state dict of the image model loads into the video model. Temporal output layers
    start at zero: an inflated model equals the image model frame by frame.

    Args:
        unet_config: ``UNet2DConditionModel`` configuration; ``in_channels`` is twice the codec's.
        temporal_config: ``MotionAdapter`` configuration, or None for an image model.
        pool_task: Also add the clip's mean task tokens, side by side, to the time embedding of every block; needs
            ``time_cond_proj_dim`` in ``unet_config``: queries times the width of task tokens.
        add_source: Add the source latent to the output, so that copying is free. Only with a codec whose source and
            target share one scale, and with prediction type "sample".
        eager_attention: Use plain matrix products for attention, faster than fused kernels on a CPU with few tokens.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        unet_config: dict[str, Any],
        temporal_config: dict[str, Any] | None = None,
        pool_task: bool = False,
        add_source: bool = False,
        eager_attention: bool = False,
    ) -> None:
        super().__init__()
        image_model = UNet2DConditionModel.from_config(unet_config)
        if add_source:  # the untrained model then copies the source exactly
            nn.init.zeros_(image_model.conv_out.weight)
            nn.init.zeros_(image_model.conv_out.bias)
        if pool_task and not image_model.config.time_cond_proj_dim:
            raise ValueError("pool_task needs `time_cond_proj_dim` in `unet_config`: queries x width of task tokens")
        self.unet: Any = image_model if temporal_config is None else inflate(image_model, temporal_config)
        self.is_video = temporal_config is not None
        self.pool_task = pool_task
        self.add_source = add_source
        if eager_attention:
            self.unet.set_attn_processor(AttnProcessor())

    @property
    def width(self) -> int:
        """Width of the task tokens that cross-attention reads."""
        return int(self.unet.config.cross_attention_dim)

    def forward(
        self,
        noisy: Latents,
        source: Latents,
        timestep: Num[Tensor, " b"],
        tokens: Float[Tensor, "b f q d"],
    ) -> Latents:
        """Predict what the scheduler's ``prediction_type`` says, in the target's latent scale."""
        num_frames = noisy.shape[1]
        both = torch.cat([noisy, source], dim=2)  # (b, f, 2c, h, w)
        pooled = tokens.mean(1).flatten(1) if self.pool_task else None  # (b, q*d)
        per_frame = tokens.flatten(0, 1)  # (b*f, q, d): frame i attends to the tokens of frame i only
        if self.is_video:
            out = self.unet(both.transpose(1, 2), timestep, per_frame, timestep_cond=pooled).sample.transpose(1, 2)
        else:
            timesteps = timestep.repeat_interleave(num_frames)
            pooled = None if pooled is None else pooled.repeat_interleave(num_frames, 0)
            out = self.unet(both.flatten(0, 1), timesteps, per_frame, timestep_cond=pooled).sample
            out = out.unflatten(0, noisy.shape[:2])
        return out + source if self.add_source else out  # type: ignore[no-any-return]


def inflate(image_model: UNet2DConditionModel, temporal: dict[str, Any]) -> UNetMotionModel:
    """Give an image UNet temporal attention whose output starts at zero.

    diffusers' ``MotionAdapter`` initialises its output layers like any other, which would change the model; AnimateDiff
    zeroes them, and so do we.
    """
    config = image_model.config
    adapter = MotionAdapter.from_config(
        {
            "block_out_channels": config.block_out_channels,
            "motion_layers_per_block": config.layers_per_block,
            "motion_norm_num_groups": config.norm_num_groups,
            **temporal,
        }
    )
    for name, module in adapter.named_modules():
        if name.endswith("proj_out"):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    return UNetMotionModel.from_unet2d(image_model, adapter)
