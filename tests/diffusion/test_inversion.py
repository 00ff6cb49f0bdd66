"""Inversion: there and back is the video again, whatever the network predicts, and better in smaller steps."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from veggie_pl.diffusion.inversion import Schedules, invert_latents
from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng

LATENTS = 0.5 * torch.randn(2, 3, 4, 4, 4, generator=torch_rng("inversion"))
KINDS = [("epsilon", False), ("v_prediction", False), ("v_prediction", True), ("sample", False), ("sample", True)]


def scheduler(kind: str, zero_snr: bool = False, **more: Any) -> DDIMScheduler:
    settings = {"timestep_spacing": "trailing", "clip_sample": False, "rescale_betas_zero_snr": zero_snr, **more}
    return DDIMScheduler(beta_schedule="scaled_linear", beta_end=0.012, prediction_type=kind, **settings)


def known(schedule: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """The best that a network can predict for latents that are normal with a deviation of 0.5."""

    def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
        kept = schedule.alphas_cumprod[timestep]
        scaled = noisy / (0.25 * kept + 1 - kept)
        sample, noise = 0.25 * kept.sqrt() * scaled, (1 - kept).sqrt() * scaled
        made = {"epsilon": noise, "sample": sample, "v_prediction": kept.sqrt() * noise - (1 - kept).sqrt() * sample}
        return made[schedule.config.prediction_type]

    return predict


def error(kind: str, zero_snr: bool, steps: int, **more: Any) -> float:
    """What is lost to noise and back, as a share of the latents."""
    schedules = Schedules.like(scheduler(kind, zero_snr, **more), steps, steps)
    predict = known(schedules.forward)
    passed = invert_latents(predict, schedules, LATENTS)
    latents = passed[max(passed)]
    assert 0.8 < float(latents.std()) < 1.25  # noise
    for timestep in schedules.forward.timesteps:
        latents = schedules.forward.step(predict(latents, timestep), timestep, latents).prev_sample
    return float((latents - LATENTS).norm() / LATENTS.norm())


@pytest.mark.parametrize(("kind", "zero_snr"), KINDS)
def test_there_and_back_is_the_video_again(kind: str, zero_snr: bool) -> None:
    coarse, fine = error(kind, zero_snr, 20), error(kind, zero_snr, 100)
    assert fine < 0.08
    assert fine < 0.4 * coarse  # of first order in the size of a step


def test_prediction_of_the_sample_goes_the_way_of_one_of_noise() -> None:
    """Also from latents that hold no noise at all, where the one divides by the root of zero if done as written."""
    passed = []
    for kind in ("epsilon", "sample"):
        schedules = Schedules.like(scheduler(kind, set_alpha_to_one=True), 10, 5)
        passed.append(invert_latents(known(schedules.forward), schedules, LATENTS))
    assert list(passed[0]) == list(passed[1])
    for one, other in zip(*(found.values() for found in passed), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_sampling_that_starts_later_is_inverted_less_far() -> None:
    schedules = Schedules.like(scheduler("epsilon"), 10, 5)
    whole = invert_latents(known(schedules.forward), schedules, LATENTS)
    late = invert_latents(known(schedules.forward), schedules, LATENTS, start=2)
    assert sorted(whole) == [199, 399, 599, 799, 999]
    assert sorted(late) == [199, 399, 599]
    assert all(torch.equal(late[timestep], whole[timestep]) for timestep in late)


def test_what_is_not_diffusion_is_refused() -> None:
    with pytest.raises(UseError, match="rectified flow"):
        Schedules.like(FlowMatchEulerDiscreteScheduler(), 10, 5)
