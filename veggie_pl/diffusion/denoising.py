"""DDPM (arXiv:2006.11239) and its kin, over diffusers' schedulers that predict noise, velocity or sample."""

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]
PREDICTIONS = ("epsilon", "v_prediction", "sample")


class Denoising:
    """A ``Process``: the square root of ``alphas_cumprod`` of the latents, noise for the rest.

    Args:
        scheduler: Of diffusers; its ``prediction_type`` ("epsilon", "v_prediction" or "sample") is what the network
            predicts: Eq. 14 of DDPM for the first.

    Raises:
        UseError: If it cannot be learned with, or draws noise that no seed reaches.
    """

    def __init__(self, scheduler: Any) -> None:
        check_scheduler(scheduler)
        self.scheduler = scheduler
        self.num_timesteps = int(scheduler.config.num_train_timesteps)

    def timestep_at(self, level: Float[Tensor, " b"], shape: Sequence[int] | None = None) -> Int[Tensor, " b"]:
        """Give the timestep of a level of noise in [0, 1)."""
        return (self.num_timesteps * level).long().clamp(max=self.num_timesteps - 1)

    def mix(self, latents: Latents, noise: Latents, timestep: Int[Tensor, " b"]) -> Latents:
        """Noise latents."""
        return self.scheduler.add_noise(latents, noise, timestep)  # type: ignore[no-any-return]

    def goal(self, latents: Latents, noise: Latents, timestep: Int[Tensor, " b"]) -> Latents:
        """Give what the scheduler's ``prediction_type`` says."""
        predicted = self.scheduler.config.prediction_type
        if predicted == "v_prediction":
            return self.scheduler.get_velocity(latents, noise, timestep)  # type: ignore[no-any-return]
        return noise if predicted == "epsilon" else latents

    def weight(self, timestep: Num[Tensor, " b"], shape: Sequence[int] | None = None) -> Float[Tensor, " b"]:
        """Weigh all timesteps alike, Eq. 14."""
        return torch.ones_like(timestep, dtype=torch.float32)

    def remove(self, source: Latents, noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Take a source out of noisy latents."""
        share: Tensor = self.scheduler.alphas_cumprod.to(noisy)[timestep.long()].sqrt()
        return noisy - share[:, None, None, None, None] * source

    def sampling(self, num_steps: int, shape: Sequence[int] | None = None) -> "DenoisingRun":
        """Begin a sampling run with a fresh copy of the scheduler: runs share no state."""
        scheduler = type(self.scheduler).from_config(self.scheduler.config)
        scheduler.set_timesteps(num_steps)  # stays on the CPU: to look one up would wait for the device
        return DenoisingRun(scheduler)


class DenoisingRun:
    """A ``Run`` of a scheduler whose timesteps are set.

    Args:
        scheduler: Of diffusers; its state is this run's.
    """

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self.timesteps: Tensor = scheduler.timesteps
        self._takes_generators = "generator" in signature(scheduler.step).parameters

    def start(self, noise: Latents) -> Latents:
        """Give standard normal noise the scale of the first timestep."""
        return noise * self.scheduler.init_noise_sigma  # type: ignore[no-any-return]

    def shown(self, latents: Latents, timestep: Num[Tensor, ""]) -> Latents:
        """Give what the network sees of latents at a timestep."""
        return self.scheduler.scale_model_input(latents, timestep)  # type: ignore[no-any-return]

    def step(
        self,
        predicted: Latents,
        timestep: Num[Tensor, ""],
        latents: Latents,
        generators: Sequence[torch.Generator] = (),
    ) -> Latents:
        """Go to the next timestep."""
        chance = {"generator": list(generators)} if generators and self._takes_generators else {}
        return self.scheduler.step(predicted, timestep, latents, **chance).prev_sample  # type: ignore[no-any-return]


def check_scheduler(scheduler: Any) -> None:
    """Look whether the scheduler has a goal that can be learned, and chance that a seed fixes.

    Raises:
        UseError: If it predicts something unknown, its betas are none, it predicts the noise though its last timestep
            is nothing but noise (0 / 0 when the picture is computed from it), or it draws from where no seed reaches.
    """
    name, config = type(scheduler).__name__, scheduler.config
    if "timestep_back" in signature(scheduler.step).parameters:  # CogVideoX's DPM, whose steps hand on an extra state
        raise UseError(f"{name} has steps of its own kind; CogVideoXDDIMScheduler takes the same configuration")
    predicted = config.get("prediction_type")
    if predicted not in PREDICTIONS:
        raise UseError(f"{name} predicts {predicted!r}; the choices of prediction_type are {', '.join(PREDICTIONS)}")
    if "noise_sampler_seed" in config:  # one for all clips, else the global generator's
        raise UseError(f"{name} draws noise that the seed of an edit does not reach; DPMSolverMultistepScheduler does")
    left = getattr(scheduler, "alphas_cumprod", torch.ones(1))
    if not bool(((left >= 0) & (left <= 1)).all()):
        raise UseError(f"{name}: betas must lie in [0, 1]")
    if predicted == "epsilon" and (config.get("rescale_betas_zero_snr") or not bool((left > 0).all())):
        raise UseError(
            f"{name}: prediction_type epsilon does not go with zero terminal SNR (rescale_betas_zero_snr, or betas "
            "that reach 1), since no picture can be told from nothing but noise; predict v_prediction or sample"
        )
