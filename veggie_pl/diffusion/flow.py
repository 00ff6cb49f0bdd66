"""Rectified flow (arXiv:2209.03003; SD3, arXiv:2403.03206) over diffusers' ``FlowMatchEulerDiscreteScheduler``."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.denoising import DenoisingRun
from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]


class FlowMatching:
    """A ``Process`` on straight lines: ``(1 - sigma) * latents + sigma * noise``; the network predicts their slope.

    A timestep is ``num_train_timesteps * sigma``, where sigma has been shifted as the scheduler says: resolutions that
    need more noise have a ``shift`` above 1.

    Args:
        scheduler: Of diffusers.

    Raises:
        UseError: If its sigmas depend on the size of each picture (``use_dynamic_shifting``), or run the other way.
    """

    def __init__(self, scheduler: Any) -> None:
        config = scheduler.config
        for name in ("use_dynamic_shifting", "invert_sigmas", "shift_terminal"):
            if config.get(name):
                raise UseError(f"{type(scheduler).__name__}: {name} is {config[name]}, which is not supported")
        self.scheduler = scheduler
        self.num_timesteps = int(config.num_train_timesteps)

    def timestep_at(self, level: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """Give the timestep of a level of noise in [0, 1): one of the scheduler's training table, shifted."""
        table: Tensor = type(self.scheduler).from_config(self.scheduler.config).timesteps  # from most noise to least
        place = (self.num_timesteps * level).long().clamp(max=self.num_timesteps - 1)
        return table.flip(0).to(level.device)[place]

    def mix(self, latents: Latents, noise: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Noise latents."""
        sigma = self._sigma(latents, timestep)
        return (1 - sigma) * latents + sigma * noise

    def goal(self, latents: Latents, noise: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Give the slope of the line from latents to noise."""
        return noise - latents

    def weight(self, timestep: Num[Tensor, " b"]) -> Float[Tensor, " b"]:
        """Weigh all timesteps alike: how often they come is a matter of ``Objective``'s density."""
        return torch.ones_like(timestep, dtype=torch.float32)

    def remove(self, source: Latents, noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Take a source out of noisy latents."""
        return noisy - (1 - self._sigma(noisy, timestep)) * source

    def sampling(self, num_steps: int) -> "FlowRun":
        """Begin a sampling run with a fresh copy of the scheduler: runs share no state."""
        scheduler = type(self.scheduler).from_config(self.scheduler.config)
        # Named, or the last of the scheduler's own sigmas would be shifted twice.
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / num_steps, num_steps))
        return FlowRun(scheduler)

    def _sigma(self, like: Latents, timestep: Num[Tensor, " b"]) -> Tensor:
        return (timestep.to(like.device, torch.float32) / self.num_timesteps)[:, None, None, None, None]


class FlowRun(DenoisingRun):
    """A ``Run`` along the slope; with the scheduler's ``stochastic_sampling`` each step noises anew."""

    def start(self, noise: Latents) -> Latents:
        """Begin at noise alone."""
        return noise

    def shown(self, latents: Latents, timestep: Num[Tensor, ""]) -> Latents:
        """Show latents as they are."""
        return latents
