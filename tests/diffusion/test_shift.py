"""Shifts by the number of tokens: by hand, as diffusers' pipelines have them, the same in training and sampling."""

from math import exp
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

from veggie_pl.diffusion.flow import FlowMatching, FlowSettings
from veggie_pl.diffusion.objective import Objective
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import draw_noise, sample_latents
from veggie_pl.diffusion.shift import shift_by_doublings, shift_exponent
from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng

FLUX = {"shift": 3.0, "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}  # as FLUX.1-dev is published
SMALL, LARGE = (1, 4, 32, 32), (1, 4, 128, 128)  # 256 and 4096 patches
UNIFORM = torch.linspace(0, 0.999, 101)


def patches(num_frames: int, height: int, width: int) -> int:
    return num_frames * height * width // 4


@pytest.mark.parametrize("tokens", [64, 256, 1024, 4096, 8192])
def test_the_line_is_that_of_diffusers_pipelines(tokens: int) -> None:
    assert shift_exponent({}, tokens) == pytest.approx(calculate_shift(tokens))
    other = {"base_shift": 0.95, "max_shift": 2.05, "base_image_seq_len": 1024, "max_image_seq_len": 4096}
    assert shift_exponent(other, tokens) == pytest.approx(calculate_shift(tokens, 1024, 4096, 0.95, 2.05))


def test_doublings_by_hand() -> None:
    found = [shift_by_doublings(tokens, 0.65) for tokens in (16, 64, 128, 4096, 10**6)]
    assert found == pytest.approx([1, 1, 1.65, 1 + 6 * 0.65, 8])


@pytest.mark.parametrize(
    "scheduler",
    [
        FlowMatchEulerDiscreteScheduler(**FLUX),
        UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0, use_dynamic_shifting=True
        ),
    ],
    ids=["euler", "unipc"],
)
def test_training_and_sampling_shift_alike_by_size(scheduler: Any) -> None:
    process = FlowMatching(scheduler, num_tokens=patches)
    for shape, mu in ((SMALL, 0.5), (LARGE, 1.15)):
        level = torch.arange(1, 1001) / 1000
        wanted = 1000 * exp(mu) / (exp(mu) + 1 / level - 1)
        torch.testing.assert_close(process.table(shape).flip(0), wanted, atol=1e-3, rtol=0)
        torch.testing.assert_close(process.timestep_at(level - 5e-4, shape), wanted, atol=1e-3, rtol=0)
        asked = process.sampling(8, shape).timesteps
        assert len(asked) == 8
        start = torch.linspace(1, 1 / 8, 8) if process._is_euler else torch.linspace(1, 1 / 1000, 9)[:-1]
        steps = 1000 * exp(mu) / (exp(mu) + 1 / start - 1)
        torch.testing.assert_close(asked.float(), steps, atol=1.001, rtol=0)  # UniPC's are whole numbers
    with pytest.raises(UseError, match="name their shape"):
        process.timestep_at(UNIFORM)


def test_sampling_is_that_of_the_flux_pipeline() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(**FLUX)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 5, 5), mu=calculate_shift(1024))
    ours = process_of(FlowMatchEulerDiscreteScheduler(**FLUX), num_tokens=patches).sampling(5, (1, 4, 64, 64))
    assert torch.equal(ours.timesteps, scheduler.timesteps)


def test_larger_latents_are_drawn_noisier_each_from_its_own_generator() -> None:
    objective = Objective(FlowMatchEulerDiscreteScheduler(**FLUX), num_tokens=patches)
    latents = torch.zeros(4, *LARGE)
    generators = [[torch_rng("shift", index) for index in range(4)] for _ in range(3)]
    large = objective.draw(latents, generators[0]).timestep
    small = objective.draw(latents[..., :32, :32], generators[1]).timestep
    part = objective.draw(latents[2:], generators[2][2:]).timestep
    assert (large > small).all()
    assert torch.equal(part, large[2:])


@pytest.mark.parametrize("kind", ["exponential", "linear"])
def test_doublings_take_the_place_of_the_schedulers_shift(kind: Any) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, time_shift_type=kind)
    process = process_of(scheduler, FlowSettings(shift_per_doubling=0.5), patches)
    shift = 1 + 0.5 * 4  # 1024 patches
    sigma = torch.tensor([0.001, 0.501, 1.0])
    found = process.timestep_at(torch.tensor([0.0, 0.5, 0.999]), (1, 4, 64, 64)) / 1000
    torch.testing.assert_close(found, shift * sigma / (1 + (shift - 1) * sigma), atol=1e-6, rtol=0)
    asked = process.sampling(4, (1, 4, 64, 64)).timesteps / 1000
    sigma = torch.tensor([1, 0.75, 0.5, 0.25])
    torch.testing.assert_close(asked, shift * sigma / (1 + (shift - 1) * sigma), atol=1e-6, rtol=0)


def test_levels_end_at_the_terminal_shift() -> None:
    process = process_of(FlowMatchEulerDiscreteScheduler(**FLUX, shift_terminal=0.1), num_tokens=patches)
    table = process.timestep_at(UNIFORM, SMALL) / 1000
    assert table.min() == pytest.approx(0.1, abs=1e-5)
    assert table.max() == 1
    assert process.sampling(6, SMALL).timesteps[-1] / 1000 == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("steps", [1, 6])
def test_the_right_slope_leads_to_the_goal_by_unipc(steps: int) -> None:
    scheduler = UniPCMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)
    process = process_of(scheduler)
    goal = torch.randn(2, 2, 3, 4, 4, generator=torch_rng("goal"))
    noise = draw_noise(goal.shape[1:], [torch_rng("a"), torch_rng("b")], goal.device)
    out = sample_latents(lambda noisy, timestep: noise - goal, process, noise, steps)
    torch.testing.assert_close(out, goal, atol=1e-4, rtol=0)
    meta = torch.empty(goal.shape, device="meta")
    assert sample_latents(lambda noisy, timestep: noisy, process, meta, steps).device.type == "meta"
    with pytest.raises(UseError, match="predicts 'epsilon'; it has to be flow_prediction"):
        process_of(UniPCMultistepScheduler(use_flow_sigmas=True))
