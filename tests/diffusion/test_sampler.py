from typing import Any

import diffusers
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler

from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import draw_noise, sample_latents
from veggie_pl.seeding import torch_rng

GOAL = torch.linspace(-0.9, 0.9, 16).view(1, 1, 1, 4, 4)


@pytest.mark.parametrize("kind", [DDIMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize("steps", [1, 5, 20])
def test_perfect_prediction_gives_the_goal(kind: type, steps: int) -> None:
    scheduler = kind(prediction_type="sample", timestep_spacing="trailing")
    noise = torch.randn(GOAL.shape, generator=torch.Generator().manual_seed(0))
    out = sample_latents(lambda noisy, timestep: GOAL, process_of(scheduler), noise, steps)
    torch.testing.assert_close(out, GOAL, atol=2e-3, rtol=0)


def test_calls_share_no_state() -> None:
    scheduler = DDIMScheduler(prediction_type="sample")
    noise = torch.randn(GOAL.shape, generator=torch.Generator().manual_seed(0))
    seen: list[list[int]] = [[], []]
    for run in range(2):
        sample_latents(lambda n, t, run=run: (seen[run].append(int(t[0])), GOAL)[1], process_of(scheduler), noise, 4)  # type: ignore[misc]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 4
    assert seen[0] == sorted(seen[0], reverse=True)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_steps_are_errors(steps: int) -> None:
    with pytest.raises(ValueError, match=rf"1 \.\. 1000, got {steps}"):
        sample_latents(lambda noisy, timestep: GOAL, process_of(DDPMScheduler()), GOAL, steps)


STOCHASTIC = [
    diffusers.DDPMScheduler(),
    diffusers.DDPMParallelScheduler(),
    diffusers.DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++"),
    diffusers.DPMSolverSinglestepScheduler(algorithm_type="sde-dpmsolver++", final_sigmas_type="zero"),
    diffusers.EulerAncestralDiscreteScheduler(),
    diffusers.KDPM2AncestralDiscreteScheduler(),
    diffusers.LCMScheduler(),
    diffusers.SASolverScheduler(),
    diffusers.TCDScheduler(),
]
DETERMINISTIC = [
    diffusers.DDIMScheduler(),
    diffusers.DEISMultistepScheduler(),
    diffusers.EulerDiscreteScheduler(),
    diffusers.HeunDiscreteScheduler(),
    diffusers.KDPM2DiscreteScheduler(),
    diffusers.PNDMScheduler(),
    diffusers.UniPCMultistepScheduler(),
]


def sampled(scheduler: Any, seeds: list[int]) -> torch.Tensor:
    """A prediction that depends on what is shown, so that noise of any step reaches the end."""
    generators = [torch_rng("sampler", seed) for seed in seeds]
    noise = draw_noise((2, *GOAL.shape[2:]), generators, torch.device("cpu"))
    return sample_latents(lambda noisy, timestep: noisy * 0.1, process_of(scheduler), noise, 6, generators=generators)


@pytest.mark.parametrize("scheduler", STOCHASTIC + DETERMINISTIC, ids=lambda scheduler: type(scheduler).__name__)
def test_seed_fixes_each_sample_in_any_batch(scheduler: Any) -> None:
    torch.manual_seed(1)
    together = sampled(scheduler, [3, 4, 5])
    torch.manual_seed(2)
    alone = torch.cat([sampled(scheduler, [seed]) for seed in (3, 4, 5)])
    assert torch.equal(together, alone)
    assert together.isfinite().all()
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("scheduler", STOCHASTIC, ids=lambda scheduler: type(scheduler).__name__)
def test_noise_between_steps_is_the_seeds_own(scheduler: Any) -> None:
    """One start, two seeds for what comes after: the ends differ, or the scheduler would not be stochastic."""
    noise = draw_noise((2, *GOAL.shape[2:]), [torch_rng(0)], torch.device("cpu"))
    first, second = (
        sample_latents(
            lambda noisy, timestep: noisy * 0.1, process_of(scheduler), noise, 6, generators=[torch_rng(seed)]
        )
        for seed in (1, 2)
    )
    assert not torch.allclose(first, second)


def test_noise_is_drawn_where_its_generator_lives() -> None:
    first = draw_noise((2, 3), [torch_rng(7), torch_rng(8)], torch.device("cpu"))
    assert torch.equal(first[1], torch.randn(2, 3, generator=torch_rng(8)))
    assert draw_noise((2, 3), [torch_rng(7)], torch.device("meta")).device.type == "meta"


@pytest.mark.parametrize(
    "scheduler",
    [
        diffusers.DDIMScheduler(),
        diffusers.DPMSolverMultistepScheduler(),
        diffusers.EulerDiscreteScheduler(),
        diffusers.FlowMatchEulerDiscreteScheduler(),
        diffusers.UniPCMultistepScheduler(),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_no_step_waits_for_the_device(scheduler: Any) -> None:
    """On the meta device there is nothing to read: a look at a number would be an error."""
    noise = torch.empty(1, 2, 4, 8, 8, device="meta")
    out = sample_latents(
        lambda noisy, timestep: noisy * timestep[:, None, None, None, None], process_of(scheduler), noise, 4
    )
    assert out.device.type == "meta"
