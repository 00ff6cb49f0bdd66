"""Noise processes: what is mixed with noise, what is asked of the network, and how a sampling step goes.

All that differs between diffusion and flow matching is behind this protocol: loss and sampler know no scheduler.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.denoising import Denoising
from veggie_pl.diffusion.flow import FlowMatching, FlowSettings
from veggie_pl.diffusion.shift import CountTokens, count_cells
from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]
Timesteps = Num[Tensor, " b"]


@runtime_checkable
class Run(Protocol):
    """One sampling run, from noise to latents; it has the scheduler's state and is used once."""

    timesteps: Num[Tensor, " n"]

    def start(self, noise: Latents) -> Latents:
        """Give standard normal noise the scale of the first timestep."""
        ...

    def shown(self, latents: Latents, timestep: Num[Tensor, ""]) -> Latents:
        """Give what the network sees of latents at a timestep."""
        ...

    def step(
        self,
        predicted: Latents,
        timestep: Num[Tensor, ""],
        latents: Latents,
        generators: Sequence[torch.Generator],
    ) -> Latents:
        """Go to the next timestep; stochastic ones draw from the generators, one per sample, where there are any."""
        ...


@runtime_checkable
class Process(Protocol):
    """One kind of noise over diffusers' schedulers."""

    scheduler: Any
    num_timesteps: int  # of training, and the most that sampling can take

    def timestep_at(self, level: Float[Tensor, " b"], shape: Sequence[int] | None = None) -> Timesteps:
        """Give the timestep of a level of noise in [0, 1): 0 has the least, towards 1 there is nothing but noise.

        Larger latents, by their shape (f, c, h, w), may need more noise at one level.
        """
        ...

    def mix(self, latents: Latents, noise: Latents, timestep: Timesteps) -> Latents:
        """Noise latents."""
        ...

    def goal(self, latents: Latents, noise: Latents, timestep: Timesteps) -> Latents:
        """Give what the network is to predict from the mixture."""
        ...

    def weight(self, timestep: Timesteps, shape: Sequence[int] | None = None) -> Float[Tensor, " b"]:
        """Give the factor on the squared error at a timestep, for latents of a shape (f, c, h, w)."""
        ...

    def remove(self, source: Latents, noisy: Latents, timestep: Timesteps) -> Latents:
        """Take a source out of noisy latents: what ``mix(target - source)`` would be."""
        ...

    def sampling(self, num_steps: int, shape: Sequence[int] | None = None) -> Run:
        """Begin a sampling run of latents of a shape (f, c, h, w); its timesteps lie on the CPU: none is waited for."""
        ...


def process_of(scheduler: Any, flow: FlowSettings | None = None, num_tokens: CountTokens = count_cells) -> Process:
    """Find the process that a diffusers scheduler belongs to.

    Args:
        scheduler: Of diffusers.
        flow: Settings of rectified flow.
        num_tokens: Counts the tokens of latents, for noise that depends on their size.

    Raises:
        UseError: If it cannot be learned with, draws noise that no seed reaches, or there are settings of rectified
            flow for something else.
    """
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler) or scheduler.config.get("use_flow_sigmas"):
        return FlowMatching(scheduler, flow, num_tokens)
    process = Denoising(scheduler)
    if flow is not None:
        raise UseError(f"{type(scheduler).__name__} is a scheduler of diffusion, and {flow} is for rectified flow")
    return process
