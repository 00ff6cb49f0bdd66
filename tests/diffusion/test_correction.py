"""Long video sampling correction: nothing where the references are right, and they end where they are to end."""

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from veggie_pl.diffusion.correction import INSV2V, corrected
from veggie_pl.diffusion.denoising import Denoising
from veggie_pl.diffusion.guidance import two_scale_guidance
from veggie_pl.diffusion.sampler import Prediction, sample_latents
from veggie_pl.seeding import torch_rng

KINDS = ("epsilon", "v_prediction", "sample")
CLEAN = torch.rand(2, 5, 3, 4, 4, generator=torch_rng("clean")) * 2 - 1
NOISE = torch.randn(2, 5, 3, 4, 4, generator=torch_rng("noise"))
STEPS = 5  # they divide 1000, so that the last leads to no noise at all


def scheduler(kind: str, zero_snr: bool = False) -> DDIMScheduler:
    settings = {"timestep_spacing": "trailing", "clip_sample": False, "rescale_betas_zero_snr": zero_snr}
    return DDIMScheduler(beta_schedule="scaled_linear", beta_end=0.012, prediction_type=kind, **settings)


def steps(process: Denoising) -> list[float]:
    return process.sampling(STEPS).timesteps.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_references_on_their_own_way_are_not_corrected(kind: str) -> None:
    process = Denoising(scheduler(kind))
    for timestep in steps(process)[:3]:
        asked = torch.tensor([int(timestep)] * 2)
        goal = process.goal(CLEAN, NOISE, asked)
        correct = corrected(lambda noisy, _, goal=goal: goal, process.scheduler, CLEAN[:, :2], [timestep], 1.0)
        found = correct(process.mix(CLEAN, NOISE, asked), asked)
        torch.testing.assert_close(found, goal, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("kind", "zero_snr"), [*((kind, False) for kind in KINDS), ("sample", True)])
def test_references_end_at_their_finished_latents(kind: str, zero_snr: bool) -> None:
    process = Denoising(scheduler(kind, zero_snr))
    wrong: Prediction = lambda noisy, timestep: torch.tanh(noisy.flip(1))  # noqa: E731
    correct = corrected(wrong, process.scheduler, CLEAN[:, :2], steps(process), share=1.0)
    found = sample_latents(correct, process, NOISE, STEPS)
    torch.testing.assert_close(found[:, :2], CLEAN[:, :2], atol=1e-4, rtol=1e-4)
    assert found.isfinite().all()
    plain = sample_latents(wrong, process, NOISE, STEPS)
    assert not torch.allclose(plain[:, :2], CLEAN[:, :2], atol=0.1)
    if not zero_snr:
        assert not torch.allclose(plain[:, 2:], found[:, 2:], atol=0.01)


@pytest.mark.parametrize(("kind", "told", "rest"), [("epsilon", 1.0, 0.5), ("v_prediction", 0.5, -0.125)])
def test_mean_correction_is_as_worked_by_hand(kind: str, told: float, rest: float) -> None:
    """Of latents 0.8, of noise 0.6. References of 1 hold noise of 2 and of -1; the network says 1 of both.

    Corrections are 1 and -2, their mean -0.5. As velocity: 0.8 v + 0.6 x = 1 is said by v = (1 - 0.6 x) / 0.8.
    """
    betas = [0.36]
    schedule = DDIMScheduler(1, trained_betas=betas, prediction_type=kind, clip_sample=False)
    noisy = torch.tensor([0.8 + 0.6 * 2, 0.8 - 0.6, 1.0]).view(1, 3, 1, 1, 1)
    says_one = (1 - 0.6 * noisy) / 0.8
    assert float(says_one[0, 2]) == pytest.approx(0.5)
    predicted = torch.ones_like(noisy) if kind == "epsilon" else says_one
    assert float(predicted[0, 2]) == pytest.approx(told)
    correct = corrected(lambda *_: predicted, schedule, torch.ones(1, 2, 1, 1, 1), [0.0])
    found = correct(noisy, torch.tensor([0]))
    of_references = [2.0, -1.0] if kind == "epsilon" else [0.8 * 2 - 0.6, -0.8 - 0.6]
    torch.testing.assert_close(found.flatten(), torch.tensor([*of_references, rest]), atol=1e-5, rtol=0)


def test_correction_of_a_sample_says_the_same_of_the_noise() -> None:
    schedule = DDIMScheduler(1, trained_betas=[0.36], prediction_type="sample", clip_sample=False)
    noisy = torch.tensor([2.0, 0.2, 1.0]).view(1, 3, 1, 1, 1)
    says_one = (noisy - 0.6) / 0.8
    correct = corrected(lambda *_: says_one, schedule, torch.ones(1, 2, 1, 1, 1), [0.0])
    found = correct(noisy, torch.tensor([0]))
    half = (1.0 - 0.6 * 0.5) / 0.8  # the sample where the noise is 0.5
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, 1.0, half]), atol=1e-5, rtol=0)


def test_later_half_of_the_steps_is_left_alone() -> None:
    process = Denoising(scheduler("epsilon"))
    changed: list[bool] = []
    plain: Prediction = lambda noisy, timestep: torch.zeros_like(noisy)  # noqa: E731
    correct = corrected(plain, process.scheduler, CLEAN[:, :2], steps(process))

    def watched(noisy: Tensor, timestep: Tensor) -> Tensor:
        made = correct(noisy, timestep)
        changed.append(bool(made.any()))
        return made

    sample_latents(watched, process, NOISE, STEPS)
    assert changed == [True] * 3 + [False] * 2


def test_scales_of_insv2v_are_those_of_its_code() -> None:
    none, video, full = torch.randn(3, 1, 1, 1, 2, 2, generator=torch_rng("scales"))
    expected = none + 1.8 * (video - none) + 7.5 * (full - video)
    torch.testing.assert_close(two_scale_guidance(none, video, full, INSV2V.source, INSV2V.task), expected)
