"""Attention processors of a UNet: which there are, and others in their place for one sampling run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from jaxtyping import Num
from torch import Tensor

from veggie_pl.diffusion.sampler import Latents, Prediction
from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng

T = TypeVar("T")


@dataclass
class SamplingRun:
    """What processors know of the sampling run they are in.

    Args:
        num_frames: Of the clip. A UNet's batch is groups of them, one a branch of guidance.
        num_steps: Of the run.
        key: Seeds all chance of the method, a function of it and the step.
        step: The one that is computed, from 0.
    """

    num_frames: int
    num_steps: int
    key: tuple[int | str, ...]
    step: int = 0
    _drawn: dict[int, Any] = field(default_factory=dict, repr=False)

    def draw(self, make: Callable[[torch.Generator], T]) -> T:
        """Return what chance decides in this step: drawn by the first layer that asks, the same for all others."""
        if self.step not in self._drawn:
            self._drawn = {self.step: make(torch_rng(*self.key, self.step))}
        return self._drawn[self.step]  # type: ignore[no-any-return]

    def counted(self, predict: Prediction) -> Prediction:
        """Return a prediction that counts the steps."""

        def count(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
            predicted = predict(noisy, timestep)
            self.step += 1
            return predicted

        return count


def self_attention(unet: Any, max_downsampling: int | None = None) -> dict[str, Any]:
    """List the processors of a UNet's self-attention by their names.

    Args:
        unet: A ``UNet2DConditionModel``.
        max_downsampling: Leave out those whose tokens are more latent cells wide than this.
    """
    levels = len(unet.config.block_out_channels)
    return {
        name: processor
        for name, processor in unet.attn_processors.items()
        if name.endswith(".attn1.processor")
        and (max_downsampling is None or downsampling(name, levels) <= max_downsampling)
    }


def downsampling(name: str, num_levels: int) -> int:
    """Return the width in latent cells of the tokens that a layer attends to.

    >>> [downsampling(name, 4) for name in ("down_blocks.1.attentions.0", "mid_block.attentions.0", "up_blocks.3.x")]
    [2, 8, 1]
    """
    part, number, *_ = name.split(".")
    if part == "mid_block":
        return int(2 ** (num_levels - 1))
    return int(2 ** (int(number) if part == "down_blocks" else num_levels - 1 - int(number)))


@contextmanager
def processors_set(unet: Any, chosen: Mapping[str, Any]) -> Iterator[None]:
    """Put processors in place of a UNet's own, by their names; afterwards its own are back, also after an error."""
    own = unet.attn_processors
    if unknown := sorted(set(chosen) - set(own)):
        raise UseError(f"no attention called {unknown[0]}; there are {', '.join(own)}")
    unet.set_attn_processor({**own, **chosen})
    try:
        yield
    finally:
        unet.set_attn_processor(own)
