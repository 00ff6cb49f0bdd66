"""Flow matching by its identities, against diffusers' own lines and by hand."""

from pathlib import Path

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler
from support.parts import fit, make_data, tiny_module

from veggie_pl.batch import collate
from veggie_pl.data.mixture import Indexed
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.diffusion.flow import FlowMatching, FlowSettings
from veggie_pl.diffusion.objective import Objective
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import draw_noise, sample_latents
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.seeding import torch_rng

SHIFTS = [1.0, 3.0]
LATENTS = torch.randn(5, 2, 3, 4, 4, generator=torch_rng("latents"))


def generators(number: int = 5) -> list[torch.Generator]:
    return [torch_rng("flow", index) for index in range(number)]


@pytest.mark.parametrize("shift", SHIFTS)
def test_mixing_is_that_of_diffusers(shift: float) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    objective = Objective(scheduler)
    draws = objective.draw(LATENTS, generators())
    expected = scheduler.scale_noise(LATENTS, draws.timestep, draws.noise)
    torch.testing.assert_close(objective.add_noise(LATENTS, draws), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shift", SHIFTS)
def test_loss_is_zero_for_the_slope_alone(shift: float) -> None:
    objective = Objective(FlowMatchEulerDiscreteScheduler(shift=shift))
    draws = objective.draw(LATENTS, generators())
    noisy = objective.add_noise(LATENTS, draws)
    sigma = (draws.timestep / 1000).view(-1, 1, 1, 1, 1)
    slope = (noisy - LATENTS) / sigma  # from the mixture alone
    torch.testing.assert_close(objective.loss(slope, LATENTS, draws), torch.zeros(5), atol=1e-6, rtol=0)
    assert (objective.loss(slope + 0.1, LATENTS, draws) > 0.009).all()


def test_a_level_is_shifted_as_written_by_hand() -> None:
    level = torch.tensor([0.0, 0.25, 0.5, 0.999])
    plain, shifted = (
        process_of(FlowMatchEulerDiscreteScheduler(shift=shift)).timestep_at(level) / 1000 for shift in SHIFTS
    )
    sigma = torch.tensor([0.001, 0.251, 0.501, 1.0])  # of the training table, 1 / 1000 .. 1
    torch.testing.assert_close(plain, sigma, atol=1e-6, rtol=0)
    torch.testing.assert_close(shifted, 3 * sigma / (1 + 2 * sigma), atol=1e-6, rtol=0)


def test_removing_the_source_leaves_the_noisy_change() -> None:
    objective = Objective(FlowMatchEulerDiscreteScheduler(shift=3.0))
    draws = objective.draw(LATENTS, generators())
    source = torch.randn(LATENTS.shape, generator=torch_rng("source"))
    left = objective.remove_source(objective.add_noise(LATENTS, draws), source, draws.timestep)
    torch.testing.assert_close(left, objective.add_noise(LATENTS - source, draws))


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("steps", [1, 4, 20])
def test_the_right_slope_leads_to_the_goal_in_any_number_of_steps(shift: float, steps: int) -> None:
    noise = draw_noise(LATENTS.shape[1:], generators(), LATENTS.device)
    process = process_of(FlowMatchEulerDiscreteScheduler(shift=shift))
    seen: list[float] = []

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        seen.append(float(timestep[0]))
        sigma = (timestep / 1000).view(-1, 1, 1, 1, 1)
        torch.testing.assert_close(noisy, process.mix(LATENTS, noise, timestep), atol=1e-5, rtol=0)
        return (noisy - LATENTS) / sigma

    torch.testing.assert_close(sample_latents(predict, process, noise, steps), LATENTS, atol=1e-5, rtol=0)
    levels = torch.linspace(1, 1 / steps, steps)
    expected = 1000 * shift * levels / (1 + (shift - 1) * levels)  # each shifted once, the last too
    torch.testing.assert_close(torch.tensor(seen), expected, atol=1e-2, rtol=0)


def test_training_table_outlives_a_run() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    process = process_of(scheduler)
    before = process.timestep_at(torch.linspace(0, 0.999, 50))
    sample_latents(lambda noisy, timestep: noisy, process, torch.zeros(1, 1, 1, 2, 2), 3)
    scheduler.set_timesteps(5)  # as diffusers' pipelines do with a scheduler that they share
    assert torch.equal(process.timestep_at(torch.linspace(0, 0.999, 50)), before)


@pytest.mark.parametrize(("density", "deciles"), [("logit_normal", (0.217, 0.5, 0.783)), ("mode", (0.196, 0.5, 0.804))])
def test_densities_of_sd3(density: str, deciles: tuple[float, ...]) -> None:
    many = torch.zeros(6000, 1, 1, 1, 1)
    objective = Objective(FlowMatchEulerDiscreteScheduler(), timestep_density=density)
    drawn = objective.draw(many, [torch_rng("many", index) for index in range(len(many))]).timestep / 1000
    found = torch.quantile(drawn, torch.tensor([0.1, 0.5, 0.9]))
    torch.testing.assert_close(found, torch.tensor(deciles), atol=0.02, rtol=0)
    part = objective.draw(many[:3], [torch_rng("many", index) for index in range(3)]).timestep / 1000
    assert torch.equal(part, drawn[:3])  # of its own generator, whatever else is in the batch


def test_what_cannot_be_is_one_error() -> None:
    with pytest.raises(ValueError, match=r"invert_sigmas is True, which is not supported"):
        Objective(FlowMatchEulerDiscreteScheduler(invert_sigmas=True))
    with pytest.raises(ValueError, match="FlowMatchHeunDiscreteScheduler predicts None"):
        Objective(FlowMatchHeunDiscreteScheduler())
    with pytest.raises(ValueError, match=r"logit_normal takes no timestep_power, got 0\.5"):
        Objective(FlowMatchEulerDiscreteScheduler(), 0.5, timestep_density="logit_normal")


def test_constrain_sees_latents_at_the_noise_that_they_have() -> None:
    noise = draw_noise(LATENTS.shape[1:], generators(), LATENTS.device)
    process = process_of(FlowMatchEulerDiscreteScheduler(shift=3.0))
    goal = LATENTS.flip(0)
    seen = []

    def constrain(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        seen.append(float(timestep))
        torch.testing.assert_close(latents, process.mix(goal, noise, timestep.expand(5)), atol=1e-4, rtol=0)
        return process.mix(LATENTS, noise, timestep.expand(5))  # another clip at the same noise

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        nonlocal goal
        goal = LATENTS if seen else goal
        return (noisy - goal) / (timestep / 1000).view(-1, 1, 1, 1, 1)

    out = sample_latents(predict, process, noise, 4, constrain=constrain)
    assert torch.equal(out, LATENTS)
    assert len(seen) == 4
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0


@pytest.mark.slow
def test_a_model_learns_by_flow_and_edits_from_its_folder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = tiny_module(add_source=False, num_steps=2, timestep_density="logit_normal")
    module.objective.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    module.make_optimizer = lambda parameters: torch.optim.AdamW(parameters, 2e-3)
    held_out = [Indexed(stream, 8) for stream in ShapesBenchmark("val", num_frames=1, size=16).streams().values()]
    batch = collate([stream[index] for stream in held_out for index in range(8)])

    def loss() -> float:
        with torch.no_grad():
            return float(module.per_sample_loss(batch, "validate").mean())  # whose chance is fixed

    before = loss()
    fit(module, make_data(batch_size=8), 60)
    assert loss() < 0.87 * before  # 0.82 where it was written
    module.objective.flow = FlowSettings("bell", precondition=True, shift_per_doubling=0.65)
    module.objective.scheduler = module.objective.scheduler  # looked at again, with the settings
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert isinstance(again.objective.process, FlowMatching)
    assert again.objective.scheduler.config.shift == 3.0
    assert again.objective.flow == module.objective.flow
    clip = torch.zeros(1, 1, 3, *again.size)
    edits = [one.eval().edit(clip, ["remove it"], one.guidance["removal"], [("edit", 0)]) for one in (module, again)]
    assert torch.equal(*edits)
    assert edits[0].isfinite().all()


def test_the_table_of_timesteps_is_made_once_for_a_shift_and_a_device() -> None:
    process = FlowMatching(FlowMatchEulerDiscreteScheduler(1000, use_dynamic_shifting=True))
    small, large = (1, 4, 16, 16), (1, 4, 64, 64)
    assert process.table(small) is process.table(small)
    assert process.table(small).mean() < process.table(large).mean()  # more cells, more noise
    assert process.timestep_at(torch.rand(3, device="meta"), small).device.type == "meta"
