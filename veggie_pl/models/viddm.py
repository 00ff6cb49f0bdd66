"""The video diffusion model: a diffusers UNet for images, inflated to one for video."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter, UNetMotionModel
from jaxtyping import Float, Num
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models.again import checkpoint_unet
from veggie_pl.models.checkpoints import load_strictly, read_motion_adapter, read_unet
from veggie_pl.models.erasing import ErasingOutput
from veggie_pl.models.reuse import Reuse
from veggie_pl.models.temporal_block import add_temporal_blocks, is_temporal

Latents = Float[Tensor, "b f c h w"]


class VidDM(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts from noisy target and source latents, side by side on channels, under each frame's own task tokens.

    As an image model it is a ``UNet2DConditionModel`` run frame by frame; as a video model the ``UNetMotionModel``
    that has the same spatial layers plus temporal attention (AnimateDiff, arXiv:2307.04725). The parameters that both
    have carry the same names, so a state dict of the image model loads into the video model. Fresh temporal layers
    have outputs of zero: an inflated model equals the image model frame by frame.

    Args:
        unet_config: ``UNet2DConditionModel`` configuration; ``in_channels`` is twice the codec's.
        video: Whether there are temporal layers.
        temporal_config: ``MotionAdapter`` configuration of a video model, where it departs from diffusers' defaults.
        weights: Image UNet to start from, see ``read_unet``; None starts at random.
        motion_adapter: Folder of a trained ``MotionAdapter`` for the temporal layers of a video model, in place of
            fresh ones and of ``temporal_config``.
        temporal: Which temporal layers a video model has: "animatediff", after every layer, or LGVI's attention inside
            the spatial blocks (arXiv:2401.10226), "lgvi", which has nothing to configure and knows no positions.
        extend_channels: Take ``weights`` of a text-to-image UNet, which knows no source: its input channels are
            extended by zeros (InstructPix2Pix, arXiv:2211.09800, Sec. 3.2), so that at first the source is ignored.
        pool_task: Also add the clip's mean task tokens, side by side, to the time embedding of every block; needs
            ``time_cond_proj_dim`` in ``unet_config``: queries times the width of task tokens.
        add_source: Add the source latent to the output, so that copying is free. Only with a codec whose source and
            target share one scale, and with prediction type "sample".
        erase_source: Also predict how much of the source is erased before the rest is added to it: ``source * (1 -
            tanh(erase)) + change``. What is painted over then need not cancel every pixel of what was there, as with
            the attention masks of GANimation (arXiv:1807.09251, Sec. 3.1). Needs ``add_source``.
        eager_attention: Use plain matrix products for attention, faster than fused kernels on a CPU with few tokens.
        gradient_checkpointing: Compute block by block again in the backward pass: less memory, a third more time.
            "selective" keeps convolutions and attention, and computes the rest again: some more memory for less time.

    Raises:
        UseError: If a checkpoint is not there or does not fit the configuration.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        unet_config: dict[str, Any],
        temporal_config: dict[str, Any] | None = None,
        video: bool = False,
        weights: str | None = None,
        motion_adapter: str | None = None,
        extend_channels: bool = False,
        pool_task: bool = False,
        add_source: bool = False,
        eager_attention: bool = False,
        gradient_checkpointing: bool | Literal["selective"] = False,
        temporal: Literal["animatediff", "lgvi"] = "animatediff",
        erase_source: bool = False,
    ) -> None:
        super().__init__()
        image_model = UNet2DConditionModel.from_config(unet_config)
        if pool_task and not image_model.config.time_cond_proj_dim:
            raise UseError("pool_task needs `time_cond_proj_dim` in `unet_config`: queries x width of task tokens")
        if erase_source and not add_source:
            raise UseError("erase_source needs add_source: true; where no source is added there is none to erase")
        if add_source:  # the untrained model then copies the source exactly
            nn.init.zeros_(image_model.conv_out.weight)
            nn.init.zeros_(image_model.conv_out.bias)
        if weights is not None:
            state = fit_channels(read_unet(weights, unet_config), image_model.config.in_channels, extend_channels)
            load_strictly(image_model, state, weights)
        adapter = None
        self.in_blocks = video and temporal == "lgvi"
        if self.in_blocks:
            if motion_adapter is not None:
                raise UseError(
                    f"motion_adapter {motion_adapter} has AnimateDiff's layers: it goes without temporal: lgvi"
                )
            add_temporal_blocks(image_model)
        elif video:
            adapter = fresh_adapter(image_model, temporal_config or {})
            if motion_adapter is not None:
                adapter = read_motion_adapter(motion_adapter)
                check_adapter(adapter, image_model, motion_adapter)
                temporal_config = {**adapter.config}
        self.unet: Any = image_model if adapter is None else UNetMotionModel.from_unet2d(image_model, adapter)
        if erase_source:
            self.unet.conv_out = ErasingOutput(self.unet.conv_out)
        # What was read is in the weights now: a folder written from here needs no other.
        self.register_to_config(
            temporal_config=temporal_config, weights=None, motion_adapter=None, extend_channels=False
        )
        self.is_video, self.pool_task, self.add_source, self.erase_source = video, pool_task, add_source, erase_source
        if eager_attention:
            self.unet.set_attn_processor(AttnProcessor())
        if gradient_checkpointing:
            self.checkpoint_gradients(gradient_checkpointing == "selective")

    reads_frames = True
    sees_references = False

    @property
    def width(self) -> int:
        """Width of the task tokens that cross-attention reads."""
        return int(self.unet.config.cross_attention_dim)

    @property
    def channels(self) -> int:
        """Channels of the noisy latents; the source has as many."""
        return int(self.unet.config.in_channels) // 2

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width in latent cells; a UNet's ``sample_size`` is one number for both, or two."""
        size = self.unet.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return int(height), int(width)

    @property
    def crop_multiple(self) -> int:
        """What the sides of a part of the latents have to be multiples of to be computed alone."""
        return int(2 ** (len(self.unet.config.block_out_channels) - 1))

    @property
    def pooled_width(self) -> int:
        """Width of a frame's task tokens side by side, as the time embedding takes them; 0 without ``pool_task``."""
        return int(self.unet.config.time_cond_proj_dim) if self.pool_task else 0

    def num_tokens(self, num_frames: int, height: int, width: int) -> int:
        """Count the cells of a frame: attention is in space, or along time."""
        return height * width

    def layer_kind(self, name: str) -> Literal["spatial", "temporal"]:
        """Tell whether a parameter belongs to the temporal layers, by diffusers' name for them."""
        return "temporal" if "motion_modules" in name or is_temporal(name) else "spatial"

    def checkpoint_gradients(self, selective: bool = False) -> None:
        """Compute blocks again in the backward pass, all of them or what is cheap."""
        checkpoint_unet(self.unet, selective)

    def forward(
        self,
        noisy: Latents,
        source: Latents,
        timestep: Num[Tensor, " b"],
        tokens: Float[Tensor, "b f q d"],
        unet: Callable[..., Any] | None = None,
    ) -> Latents:
        """Predict what the noise process asks for, in the target's latent scale.

        A UNet whose weights are of 16 bits computes in 16 bits from end to end, without autocast's copies between them
        and float32; so it can be sampled from, and not trained.

        Args:
            noisy: Noisy target.
            source: Source.
            timestep: Of each sample.
            tokens: Of each frame.
            unet: What stands for the UNet, see ``reusing``.
        """
        if self.unet.dtype == torch.float32:
            return self._predict(noisy, source, timestep, tokens, unet or self.unet)
        shown, beside, told = (part.to(self.unet.dtype) for part in (noisy, source, tokens))
        with torch.autocast(noisy.device.type, enabled=False):
            return self._predict(shown, beside, timestep, told, unet or self.unet).to(noisy.dtype)

    def reusing(self, every: int, layers: int = 2) -> Callable[..., Any]:
        """Make what stands for the UNet in one sampling run and computes its deep part at some steps only.

        Raises:
            UseError: If the temporal layers are LGVI's.
        """
        if self.in_blocks:
            raise UseError("reuse does not know temporal: lgvi: leave it at 1")
        return Reuse(self.unet, every, layers)

    def _predict(self, noisy: Latents, source: Latents, timestep: Tensor, tokens: Tensor, unet: Any) -> Latents:
        num_frames = noisy.shape[1]
        both = torch.cat([noisy, source], dim=2)  # (b, f, 2c, h, w)
        pooled = tokens.mean(1).flatten(1) if self.pool_task else None  # (b, q*d)
        per_frame = tokens.flatten(0, 1)  # (b*f, q, d): frame i attends to the tokens of frame i only
        if self.is_video and not self.in_blocks:
            out = unet(both.transpose(1, 2), timestep, per_frame, timestep_cond=pooled).sample.transpose(1, 2)
        else:
            timesteps = timestep.repeat_interleave(num_frames)
            pooled = None if pooled is None else pooled.repeat_interleave(num_frames, 0)
            told = {"cross_attention_kwargs": {"num_frames": num_frames}} if self.in_blocks else {}
            out = unet(both.flatten(0, 1), timesteps, per_frame, timestep_cond=pooled, **told).sample
            out = out.unflatten(0, noisy.shape[:2])
        if self.erase_source:
            out, erase = out.chunk(2, dim=2)
            source = source * (1 - erase.tanh())
        return out + source if self.add_source else out  # type: ignore[no-any-return]


def fit_channels(state: dict[str, Tensor], in_channels: int, extend: bool) -> dict[str, Tensor]:
    """Bring the first layer of a UNet's weights to this many input channels.

    Raises:
        UseError: If they have half as many, as text-to-image models do, and ``extend`` is not asked for.
    """
    first = state.get("conv_in.weight")
    if first is None or 2 * first.shape[1] != in_channels:
        return state
    if not extend:
        raise UseError(
            f"the UNet takes {first.shape[1]} channels as text-to-image models do; {in_channels} are needed, source "
            "beside noise. Take an InstructPix2Pix checkpoint, or set `extend_channels: true` to add zeros for it"
        )
    return {**state, "conv_in.weight": torch.cat([first, torch.zeros_like(first)], 1)}


def fresh_adapter(image_model: UNet2DConditionModel, temporal: dict[str, Any]) -> MotionAdapter:
    """Temporal layers for an image UNet whose output starts at zero.

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
    return adapter


def check_adapter(adapter: MotionAdapter, image_model: UNet2DConditionModel, path: str) -> None:
    """Look whether a motion adapter was made for a UNet of this shape.

    Raises:
        UseError: If channels or layers per block differ; the message names both.
    """
    for name in ("block_out_channels", "layers_per_block"):
        wants = image_model.config[name]
        has = adapter.config[name if name == "block_out_channels" else f"motion_{name}"]
        blocks = len(image_model.config.block_out_channels)
        wants, has = ([*v] if isinstance(v, (list, tuple)) else [v] * blocks for v in (wants, has))
        if wants != has:
            raise UseError(f"the motion adapter {path} was made for {name} {has}, this UNet has {wants}")
