"""Weights of rectified flow, against diffusers' and DiffSynth's own lines."""

from math import pi
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler

from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.flow_weights import flow_weight
from veggie_pl.diffusion.objective import Objective
from veggie_pl.diffusion.process import process_of
from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng

SIGMA = torch.tensor([0.1, 0.5, 1.0])
LATENTS = torch.randn(5, 2, 3, 4, 4, generator=torch_rng("latents"))


def diffsynth(shift: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Timesteps and weights as DiffSynth-Studio's ``FlowMatchScheduler.set_timesteps(1000, training=True)`` does."""
    sigmas = torch.linspace(1, 0, 1001)[:-1]
    sigmas = shift * sigmas / (1 + (shift - 1) * sigmas)
    timesteps = sigmas * 1000
    y = torch.exp(-2 * ((timesteps - 1000 / 2) / 1000) ** 2)
    y_shifted = y - y.min()
    return timesteps, y_shifted * (1000 / y_shifted.sum())


def test_weights_of_sd3_by_hand() -> None:
    assert torch.equal(flow_weight("none", SIGMA), torch.ones(3))
    torch.testing.assert_close(flow_weight("sigma_sqrt", SIGMA), torch.tensor([100.0, 4.0, 1.0]))
    torch.testing.assert_close(flow_weight("cosmap", SIGMA), 2 / (pi * torch.tensor([0.82, 0.5, 1.0])))


@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_uniform_levels_and_the_bell_are_those_of_diffsynth(shift: float) -> None:
    timesteps, weights = diffsynth(shift)
    process = process_of(FlowMatchEulerDiscreteScheduler(shift=shift), FlowSettings("bell"))
    drawn = process.timestep_at((torch.arange(1000) + 0.5).flip(0) / 1000)
    torch.testing.assert_close(drawn, timesteps, atol=1e-3, rtol=0)
    found = process.weight(drawn)
    torch.testing.assert_close(found, weights, atol=1e-4, rtol=0)
    assert found.mean() == pytest.approx(1, abs=1e-5)
    assert found.min() == 0


@pytest.mark.parametrize("weighting", ["none", "sigma_sqrt", "cosmap", "bell"])
def test_the_loss_is_weighted_sample_by_sample(weighting: Any) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    plain, weighted = Objective(scheduler), Objective(scheduler, flow=FlowSettings(weighting))
    generators = [[torch_rng("weights", index) for index in range(5)] for _ in range(2)]
    draws = plain.draw(LATENTS, generators[0])
    assert torch.equal(weighted.draw(LATENTS, generators[1]).timestep, draws.timestep)
    losses = [objective.loss(torch.zeros_like(LATENTS), LATENTS, draws) for objective in (plain, weighted)]
    table = weighted.process.timestep_at((torch.arange(1000) + 0.5) / 1000) / 1000
    torch.testing.assert_close(losses[1], losses[0] * flow_weight(weighting, draws.timestep / 1000, table))
    assert torch.equal(*losses) == (weighting == "none")


def test_preconditioned_is_the_error_of_the_latents() -> None:
    objective = Objective(FlowMatchEulerDiscreteScheduler(), flow=FlowSettings(precondition=True))
    draws = objective.draw(LATENTS, [torch_rng("weights", index) for index in range(5)])
    slope = torch.randn(LATENTS.shape, generator=torch_rng("slope"))
    sigma = (draws.timestep / 1000).view(-1, 1, 1, 1, 1)
    found = objective.add_noise(LATENTS, draws) - sigma * slope
    torch.testing.assert_close(objective.loss(slope, LATENTS, draws), (found - LATENTS).square().flatten(1).mean(1))


def test_settings_of_flow_for_diffusion_are_an_error() -> None:
    with pytest.raises(UseError, match=r"DDIMScheduler is a scheduler of diffusion, and FlowSettings\(w"):
        Objective(DDIMScheduler(), flow=FlowSettings("bell"))
