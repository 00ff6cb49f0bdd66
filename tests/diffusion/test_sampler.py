import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler

from veggie_pl.diffusion.sampler import sample_latents

GOAL = torch.linspace(-0.9, 0.9, 16).view(1, 1, 1, 4, 4)


@pytest.mark.parametrize("kind", [DDIMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize("steps", [1, 5, 20])
def test_perfect_prediction_gives_the_goal(kind: type, steps: int) -> None:
    scheduler = kind(prediction_type="sample", timestep_spacing="trailing")
    noise = torch.randn(GOAL.shape, generator=torch.Generator().manual_seed(0))
    out = sample_latents(lambda noisy, timestep: GOAL, scheduler, noise, steps)
    torch.testing.assert_close(out, GOAL, atol=2e-3, rtol=0)


def test_calls_share_no_state() -> None:
    scheduler = DDIMScheduler(prediction_type="sample")
    noise = torch.randn(GOAL.shape, generator=torch.Generator().manual_seed(0))
    seen: list[list[int]] = [[], []]
    for run in range(2):
        sample_latents(lambda n, t, run=run: (seen[run].append(int(t[0])), GOAL)[1], scheduler, noise, 4)  # type: ignore[misc]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 4
    assert seen[0] == sorted(seen[0], reverse=True)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_steps_are_errors(steps: int) -> None:
    with pytest.raises(ValueError, match=rf"1 \.\. 1000, got {steps}"):
        sample_latents(lambda noisy, timestep: GOAL, DDPMScheduler(), GOAL, steps)
