"""The loss of diffusers' published training examples for SD3 and FLUX, on our noise and timesteps.

Written out are the loops of examples/dreambooth/train_dreambooth_lora_{sd3,flux}.py, with the library's own calls.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline
from diffusers.training_utils import compute_loss_weighting_for_sd3
from support.image_transformers import QUERIES, WIDTH, denoiser

from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.flow_weights import Weighting
from veggie_pl.diffusion.objective import Objective
from veggie_pl.seeding import torch_rng

MODEL_INPUT = torch.randn(4, 4, 4, 6, generator=torch_rng("parity"))
PROMPT_EMBEDS = torch.randn(4, QUERIES, WIDTH, generator=torch_rng("prompt"))


def ours(model: Any, objective: Objective, timesteps: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    draws = objective.draw(MODEL_INPUT[:, None], [torch_rng("parity", index) for index in range(4)])
    draws = replace(draws, timestep=timesteps, noise=noise[:, None])
    noisy = objective.add_noise(MODEL_INPUT[:, None], draws)
    predicted = model(noisy, torch.zeros_like(noisy), draws.timestep, PROMPT_EMBEDS[:, None])
    return objective.loss(predicted, MODEL_INPUT[:, None], draws).mean()


def drawn(scheduler: Any, density: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Timesteps of the published table, which ours are unless they are shifted by size, and noise."""
    objective = Objective(FlowMatchEulerDiscreteScheduler(shift=scheduler.config.shift), timestep_density=density)
    if scheduler.config.use_dynamic_shifting:  # the example does not shift in training
        objective = Objective(FlowMatchEulerDiscreteScheduler(), timestep_density=density)
    draws = objective.draw(MODEL_INPUT[:, None], [torch_rng("parity", index) for index in range(4)])
    return draws.timestep, draws.noise[:, 0]


def get_sigmas(scheduler: Any, timesteps: torch.Tensor, n_dim: int) -> torch.Tensor:
    step_indices = [(scheduler.timesteps == t).nonzero().item() for t in timesteps]
    sigma = scheduler.sigmas[step_indices].flatten()
    while len(sigma.shape) < n_dim:
        sigma = sigma.unsqueeze(-1)
    return sigma


@pytest.mark.parametrize("precondition_outputs", [True, False])
@pytest.mark.parametrize("weighting", ["none", "sigma_sqrt", "cosmap"])
def test_loss_is_that_of_the_sd3_example(weighting: Weighting, precondition_outputs: bool) -> None:
    noise_scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    model = denoiser("sd3").eval()
    timesteps, noise = drawn(noise_scheduler, "logit_normal")
    objective = Objective(noise_scheduler, flow=FlowSettings(weighting, precondition_outputs))
    with torch.no_grad():
        model.pooled.vector.normal_()
        loss = ours(model, objective, timesteps, noise)

        sigmas = get_sigmas(noise_scheduler, timesteps, n_dim=MODEL_INPUT.ndim)
        noisy_model_input = (1.0 - sigmas) * MODEL_INPUT + sigmas * noise
        model_pred = model.transformer(
            hidden_states=noisy_model_input,
            timestep=timesteps,
            encoder_hidden_states=PROMPT_EMBEDS,
            pooled_projections=model.pooled.vector.expand(4, -1),
            return_dict=False,
        )[0]
        if precondition_outputs:
            model_pred = model_pred * (-sigmas) + noisy_model_input
        weights = compute_loss_weighting_for_sd3(weighting_scheme=weighting, sigmas=sigmas)
        target = MODEL_INPUT if precondition_outputs else noise - MODEL_INPUT
        square = weights.float() * (model_pred.float() - target.float()) ** 2
        wanted = torch.mean(square.reshape(target.shape[0], -1), 1).mean()
    assert wanted > 0.1
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("weighting", ["none", "cosmap"])
def test_loss_is_that_of_the_flux_example(weighting: Weighting, dynamic: bool) -> None:
    noise_scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=dynamic)
    model = denoiser("flux", embedded_guidance=3.5).eval()
    timesteps, noise = drawn(noise_scheduler, "mode")
    objective = Objective(noise_scheduler, flow=FlowSettings(weighting), num_tokens=model.num_tokens)
    with torch.no_grad():
        model.pooled.vector.normal_()
        loss = ours(model, objective, timesteps, noise)

        sigmas = get_sigmas(noise_scheduler, timesteps, n_dim=MODEL_INPUT.ndim)
        noisy_model_input = (1.0 - sigmas) * MODEL_INPUT + sigmas * noise
        packed = FluxPipeline._pack_latents(noisy_model_input, 4, 4, 4, 6)
        model_pred = model.transformer(
            hidden_states=packed,
            timestep=timesteps / 1000,
            guidance=torch.tensor([3.5]).expand(4),
            pooled_projections=model.pooled.vector.expand(4, -1),
            encoder_hidden_states=PROMPT_EMBEDS,
            txt_ids=torch.zeros(QUERIES, 3),
            img_ids=FluxPipeline._prepare_latent_image_ids(4, 2, 3, "cpu", torch.float32),
            return_dict=False,
        )[0]
        model_pred = FluxPipeline._unpack_latents(model_pred, height=32, width=48, vae_scale_factor=8)
        weights = compute_loss_weighting_for_sd3(weighting_scheme=weighting, sigmas=sigmas)
        target = noise - MODEL_INPUT
        square = weights.float() * (model_pred.float() - target.float()) ** 2
        wanted = torch.mean(square.reshape(target.shape[0], -1), 1).mean()
    assert wanted > 0.1
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=1e-6)
