"""Noise -> edited latents, over any noise process."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.process import Process
from veggie_pl.errors import UseError
from veggie_pl.host import draw_normal

Latents = Float[Tensor, "b f c h w"]
Prediction = Callable[[Latents, Num[Tensor, " b"]], Latents]  # noisy latents and timestep -> what the process asks for
Constrain = Callable[[Latents, Num[Tensor, ""]], Latents]  # latents and the timestep of their noise -> changed latents


def draw_noise(
    shape: Sequence[int], generators: Sequence[torch.Generator], device: torch.device
) -> Float[Tensor, "b ..."]:
    """Draw standard normal numbers for each sample from its own generator; a CPU's are the same for every device."""
    return draw_normal((len(generators), *shape), generators, device)


def sample_latents(
    predict: Prediction,
    process: Process,
    noise: Latents,
    num_steps: int,
    on_step: Callable[[int], None] | None = None,
    generators: Sequence[torch.Generator] = (),
    constrain: Constrain | None = None,
) -> Latents:
    """Run the reverse process.

    Args:
        predict: ``predict(noisy, timestep)``: the guided prediction of what the process asks for; some schedulers, such
            as Euler's, have timesteps between whole numbers.
        process: Of the model; calls never share state.
        noise: Standard normal start.
        num_steps: Evaluations of ``predict``.
        on_step: Called after each step with the number of steps done, for progress bars.
        generators: One per sample, of which stochastic schedulers draw: a sample's chance is its own, whatever else is
            in the batch. Without them they draw from torch's global generator.
        constrain: ``constrain(latents, timestep)`` may change the latents after each step; the timestep is that of
            their noise, 0 at the end.

    Raises:
        UseError: If ``num_steps`` is below 1 or above the number of training timesteps.
    """
    if not 1 <= num_steps <= process.num_timesteps:
        raise UseError(f"num_steps must be in 1 .. {process.num_timesteps}, got {num_steps}")
    run = process.sampling(num_steps, noise.shape[1:])
    latents = run.start(noise)
    asked = run.timesteps.to(noise.device)  # once: the scheduler's own stay on the CPU, which then runs ahead
    left = [*asked[1:], torch.zeros_like(asked[0])]  # the noise after each step
    for done, (timestep, after) in enumerate(zip(run.timesteps, left, strict=True), start=1):
        predicted = predict(run.shown(latents, timestep), asked[done - 1].expand(len(noise)))
        latents = run.step(predicted, timestep, latents, generators)
        if constrain is not None:
            latents = constrain(latents, after)
        if on_step is not None:
            on_step(done)
    return latents
