"""Compute the deep part of a UNet every few sampling steps only (DeepCache, arXiv:2312.00858)."""

from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.errors import UseError

Feature = Float[Tensor, "_n _d _h _w"]  # each of its own size
# Of a UNet's configuration: what would have to be added to the time embedding or the states, and is not here.
_UNKNOWN = ("class_embed_type", "addition_embed_type", "encoder_hid_dim_type", "time_embedding_act_fn")


@dataclass
class Reuse:
    """Stands for a UNet in one sampling run: what changes slowly from step to step is kept.

    The last ``layers`` layers of the upward path, and what of the downward path leads into them, are computed at every
    step. What they take from below is computed at the first step of each ``every`` and kept in between. With ``every``
    of 1 it computes what the UNet does, to the bit.

    Args:
        unet: A ``UNet2DConditionModel``, or a ``UNetMotionModel``.
        every: Steps from one full computation to the next.
        layers: From 1 to those of the last block (``layers_per_block`` + 1); DeepCache has 2 of Stable Diffusion's 3.

    Raises:
        UseError: If a number is out of range, or the UNet has parts that are not known here.
    """

    unet: Any
    every: int
    layers: int = 2
    step: int = 0
    kept: Feature | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        most = len(self.unet.up_blocks[-1].resnets)
        if self.every < 1 or not 1 <= self.layers <= most:
            raise UseError(
                f"reuse needs steps of 1 or more and layers from 1 to {most}, got {self.every} and {self.layers}"
            )
        config = self.unet.config
        if unknown := [name for name in _UNKNOWN if config.get(name) is not None]:
            raise UseError(f"reuse does not know UNets with {unknown[0]}: leave it at 1")
        self.is_video = hasattr(self.unet.up_blocks[-1], "motion_modules")

    def __call__(
        self,
        sample: Tensor,
        timestep: Num[Tensor, " b"],
        encoder_hidden_states: Float[Tensor, "n q d"],
        timestep_cond: Tensor | None = None,
    ) -> UNet2DConditionOutput:
        """Run one step; arguments as of the UNet.

        Args:
            sample: (b, c, h, w), or (b, c, f, h, w) of a video model.
            timestep: Of each sample.
            encoder_hidden_states: Of each frame.
            timestep_cond: Added to the time embedding.
        """
        unet = self.unet
        embedded = unet.time_embedding(unet.time_proj(timestep).to(sample.dtype), timestep_cond)
        frames = sample.shape[2] if self.is_video else 1
        if self.is_video:
            embedded = embedded.repeat_interleave(frames, 0)
            sample = sample.transpose(1, 2).flatten(0, 1)
        run = _Run(unet, embedded, encoder_hidden_states, frames, self.is_video)
        whole = self.step % self.every == 0
        self.step += 1
        found = unet.conv_in(sample)
        last = unet.up_blocks[-1]
        skipped = len(last.resnets) - self.layers
        if whole:
            skips = run.below(found)
            found = run.bottom(skips)
            for number in range(skipped):
                found = run.layer(last, number, torch.cat([found, skips.pop()], 1))
            self.kept = found if self.every > 1 else None
        else:
            skips = [found]
            for number in range(self.layers - 1):
                found = run.layer(unet.down_blocks[0], number, found)
                skips.append(found)
            assert self.kept is not None
            found = self.kept
        for number in range(skipped, len(last.resnets)):
            found = run.layer(last, number, torch.cat([found, skips.pop()], 1))
        if unet.conv_norm_out:
            found = unet.conv_act(unet.conv_norm_out(found))
        found = unet.conv_out(found)
        if self.is_video:
            found = found.unflatten(0, (-1, frames)).transpose(1, 2)
        return UNet2DConditionOutput(sample=found)


@dataclass(frozen=True)
class _Run:
    """One pass: what all blocks are given."""

    unet: Any
    embedded: Tensor
    states: Tensor
    frames: int
    is_video: bool

    def layer(self, block: Any, number: int, found: Feature) -> Feature:
        """One layer of a block: convolutions, then attention to the states and along time, where it has them."""
        # Called as diffusers' blocks call them: to a compiler another way of passing arguments is another function.
        named = {"input_tensor": found, "temb": self.embedded}
        found = block.resnets[number](**named) if self.is_video else block.resnets[number](*named.values())
        if getattr(block, "has_cross_attention", False):
            given = dict.fromkeys(("cross_attention_kwargs", "attention_mask", "encoder_attention_mask"))
            given |= {"encoder_hidden_states": self.states, "return_dict": False}
            attend = block.attentions[number]
            found = (attend(hidden_states=found, **given) if self.is_video else attend(found, **given))[0]
        if self.is_video:
            found = block.motion_modules[number](found, num_frames=self.frames)
        return found

    def below(self, found: Feature) -> list[Feature]:
        """Go all the way down; what comes back is kept for the way up, the first layer's first."""
        skips = [found]
        for block in self.unet.down_blocks:
            found, more = block(hidden_states=found, temb=self.embedded, **self._given(block))
            skips += more
        return skips

    def bottom(self, skips: list[Feature]) -> Feature:
        """Go up again as far as the last block; what is used is taken off the list."""
        found: Feature = skips[-1]
        if (middle := self.unet.mid_block) is not None:
            found = middle(found, self.embedded, **self._given(middle))
        for block in self.unet.up_blocks[:-1]:
            count = len(block.resnets)
            taken = tuple(skips[-count:])
            del skips[-count:]
            size = skips[-1].shape[2:]
            given = {"res_hidden_states_tuple": taken, "upsample_size": size, **self._given(block)}
            found = block(hidden_states=found, temb=self.embedded, **given)
        return found

    def _given(self, block: Any) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if getattr(block, "has_cross_attention", False):
            given["encoder_hidden_states"] = self.states
        if hasattr(block, "motion_modules"):
            given["num_frames"] = self.frames
        return given
