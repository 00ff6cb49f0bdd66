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
from veggie_pl.diffusion.flow import FlowMatching

Latents = Float[Tensor, "b f c h w"]
Timesteps = Num[Tensor, " b"]
_KINDS = {FlowMatchEulerDiscreteScheduler: FlowMatching}  # all others are diffusion's


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

    def timestep_at(self, level: Float[Tensor, " b"]) -> Timesteps:
        """Give the timestep of a level of noise in [0, 1): 0 has the least, towards 1 there is nothing but noise."""
        ...

    def mix(self, latents: Latents, noise: Latents, timestep: Timesteps) -> Latents:
        """Noise latents."""
        ...

    def goal(self, latents: Latents, noise: Latents, timestep: Timesteps) -> Latents:
        """Give what the network is to predict from the mixture."""
        ...

    def weight(self, timestep: Timesteps) -> Float[Tensor, " b"]:
        """Give the factor on the squared error at a timestep."""
        ...

    def remove(self, source: Latents, noisy: Latents, timestep: Timesteps) -> Latents:
        """Take a source out of noisy latents: what ``mix(target - source)`` would be."""
        ...

    def sampling(self, num_steps: int) -> Run:
        """Begin a sampling run; its timesteps lie on the CPU, so that none is waited for."""
        ...


def process_of(scheduler: Any) -> Process:
    """Find the process that a diffusers scheduler belongs to.

    Raises:
        UseError: If it cannot be learned with, or draws noise that no seed reaches.
    """
    kind: Any = _KINDS.get(type(scheduler), Denoising)
    process: Process = kind(scheduler)
    return process
