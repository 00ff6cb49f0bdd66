"""Wan (arXiv:2503.20314) as a denoiser: diffusers' transformer, unchanged, brought source and task tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from jaxtyping import Float, Num
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models.checkpoints import load_strictly, read_part
from veggie_pl.models.dit.frames import FramewiseCrossAttention, Grouping, per_latent_frame

Latents = Float[Tensor, "b f c h w"]
NUM_TIMESTEPS = 1000  # of noise level 1, as Wan's time embedding was trained
LEAST_SIGMA = 0.05  # by which latents are divided


class WanDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts the slope of rectified flow from noisy target and source latents, under each frame's own task tokens.

    Source latents lie beside the noisy ones on channels (Lucy-Edit's layout). Weights of a text-to-video model get
    zeros for them, which is the same as a second, zero-initialised patch embedding that is added (Kiwi-Edit's): at
    first the model is the text-to-video model to the bit. With ``scale_source`` the source fades with the noise.

    Args:
        transformer_config: ``WanTransformer3DModel`` configuration; ``in_channels`` is twice the codec's.
        latent_size: Height and width in latent cells that it is built for.
        tokens_per_frame: Task tokens of a latent frame: the queries of a frame, with ``grouping`` "concat" times the
            frames of a latent frame.
        weights: A transformer folder of diffusers, or a pipeline folder that has one; None starts at random.
        extend_channels: Take ``weights`` of a text-to-video model, which knows no source, and add zeros for it.
        context: "per_frame": a latent frame attends to its own task tokens; "shared": to those of all frames.
        grouping: How a latent frame that stands for several frames gets their tokens, see ``per_latent_frame``.
        scale_source: Multiply the source by the noise level, 1 at noise alone (Kiwi-Edit).
        gives: What the transformer's output is. "slope", as published; "latents", from which the slope follows: easier
            to learn from nothing, for there is less to tell of them than of noise (JiT, arXiv:2511.13720).
        add_source: Predict the slope of the change alone, so that copying is free. Only with a codec whose source and
            target share one scale.
        gradient_checkpointing: Compute block by block again in the backward pass.

    Raises:
        UseError: If a checkpoint is not there or does not fit the configuration.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        transformer_config: dict[str, Any],
        latent_size: Sequence[int],
        tokens_per_frame: int,
        weights: str | None = None,
        extend_channels: bool = False,
        context: Literal["per_frame", "shared"] = "per_frame",
        grouping: Grouping = "concat",
        scale_source: bool = False,
        gives: Literal["slope", "latents"] = "slope",
        add_source: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.transformer: Any = WanTransformer3DModel.from_config(transformer_config)
        if add_source:  # the untrained model then copies the source exactly
            nn.init.zeros_(self.transformer.proj_out.weight)
            nn.init.zeros_(self.transformer.proj_out.bias)
        if weights is not None:
            state = _read(weights, self.transformer.config.in_channels, extend_channels)
            load_strictly(self.transformer, state, weights)
        self.register_to_config(weights=None, extend_channels=False)  # what was read is in the weights now
        self.tokens_per_frame, self.grouping, self.scale_source = tokens_per_frame, grouping, scale_source
        self.gives, self.add_source = gives, add_source
        if context == "per_frame":
            for block in self.transformer.blocks:
                block.attn2.set_processor(FramewiseCrossAttention(tokens_per_frame))
        if gradient_checkpointing:
            self.checkpoint_gradients()

    is_video = True  # an image is a clip of one frame
    reads_frames = False  # a latent frame may stand for several
    pooled_width = 0

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        return int(self.transformer.config.text_dim)

    @property
    def channels(self) -> int:
        """Channels of the noisy latents; the source has as many."""
        return int(self.transformer.config.in_channels) // 2

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width in latent cells."""
        height, width = self.config.latent_size
        return int(height), int(width)

    def layer_kind(self, name: str) -> Literal["spatial", "temporal"]:
        """Tell that no layer looks along time alone: attention is over space and time at once."""
        return "spatial"

    def checkpoint_gradients(self) -> None:
        """Compute blocks again in the backward pass."""
        self.transformer.enable_gradient_checkpointing()

    def forward(
        self,
        noisy: Latents,
        source: Latents,
        timestep: Num[Tensor, " b"],
        tokens: Float[Tensor, "b q_f q d"],
    ) -> Latents:
        """Predict the slope from latents to noise.

        Raises:
            UseError: If height or width is no multiple of the patch, or there are other tokens than it was built for.
        """
        _, frames, _, height, width = noisy.shape
        along, down, across = self.transformer.config.patch_size
        if frames % along or height % down or width % across:
            raise UseError(
                f"Wan's patches are {along} x {down} x {across} latent cells; {frames} x {height} x {width} is no "
                "multiple of them"
            )
        told = per_latent_frame(tokens, frames, self.grouping)
        if told.shape[2] != self.tokens_per_frame:
            raise UseError(
                f"a latent frame has {told.shape[2]} task tokens, tokens_per_frame is {self.tokens_per_frame}"
            )
        sigma = (timestep.to(noisy.device, torch.float32) / NUM_TIMESTEPS)[:, None, None, None, None]
        both = torch.cat([noisy, source * sigma if self.scale_source else source], 2).transpose(
            1, 2
        )  # (b, 2c, f, h, w)
        out: Tensor = self.transformer(both, timestep, told.flatten(1, 2), return_dict=False)[0].transpose(1, 2)
        if self.gives == "latents":
            out = (noisy - out) / sigma.clamp(min=LEAST_SIGMA)
        return out - source if self.add_source else out


def _read(path: str, in_channels: int, extend: bool) -> dict[str, Tensor]:
    """Read a transformer's weights and bring its patch embedding to this many channels.

    Raises:
        UseError: If there is no such folder, or it has half as many channels and ``extend`` is not asked for.
    """
    place = Path(path)
    folder = place / "transformer" if (place / "transformer/config.json").is_file() else place
    state: dict[str, Tensor] = read_part(WanTransformer3DModel, folder).state_dict()
    first = state["patch_embedding.weight"]
    if 2 * first.shape[1] != in_channels:
        return state
    if not extend:
        raise UseError(
            f"{path} takes {first.shape[1]} channels as text-to-video models do; {in_channels} are needed, source "
            "beside noise. Set `extend_channels: true` to add zeros for it"
        )
    return {**state, "patch_embedding.weight": torch.cat([first, torch.zeros_like(first)], 1)}
