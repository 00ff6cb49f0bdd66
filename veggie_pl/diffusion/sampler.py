"""Noise -> edited latents, over any diffusers scheduler."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]


def draw_noise(
    shape: Sequence[int], generators: Sequence[torch.Generator], device: torch.device
) -> Float[Tensor, "b ..."]:
    """Standard normal numbers for each sample from its own generator; a CPU's are the same for every device."""
    noise: Tensor = randn_tensor((len(generators), *shape), list(generators), device)
    return noise


def sample_latents(
    predict: Callable[[Latents, Num[Tensor, " b"]], Latents],
    scheduler: Any,
    noise: Latents,
    num_steps: int,
    on_step: Callable[[int], None] | None = None,
    generators: Sequence[torch.Generator] = (),
) -> Latents:
    """Run the reverse process.

    Args:
        predict: ``predict(noisy, timestep)``: the guided prediction of what the scheduler's ``prediction_type`` says;
            some schedulers, such as Euler's, have timesteps between whole numbers.
        scheduler: A diffusers scheduler; a fresh copy is made, so calls never share state.
        noise: Standard normal start.
        num_steps: Evaluations of ``predict``.
        on_step: Called after each step with the number of steps done, for progress bars.
        generators: One per sample, of which stochastic schedulers draw: a sample's chance is its own, whatever else is
            in the batch. Without them they draw from torch's global generator.

    Raises:
        UseError: If ``num_steps`` is below 1 or above the number of training timesteps.
    """
    if not 1 <= num_steps <= scheduler.config.num_train_timesteps:
        raise UseError(f"num_steps must be in 1 .. {scheduler.config.num_train_timesteps}, got {num_steps}")
    process = type(scheduler).from_config(scheduler.config)
    process.set_timesteps(num_steps, device=noise.device)
    chance = {"generator": list(generators)} if generators and "generator" in signature(process.step).parameters else {}
    latents: Tensor = noise * process.init_noise_sigma
    for done, timestep in enumerate(process.timesteps, start=1):
        noisy = process.scale_model_input(latents, timestep)
        predicted = predict(noisy, timestep.to(noise.device).expand(len(noise)))
        latents = process.step(predicted, timestep, latents, **chance).prev_sample
        if on_step is not None:
            on_step(done)
    return latents
