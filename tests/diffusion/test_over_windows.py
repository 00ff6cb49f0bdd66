"""Windows denoised together: what is blended, and that the wave is one run over the whole clip."""

from collections.abc import Iterator

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler
from support.parts import randomise_output, tiny_module

from veggie_pl.diffusion.over_windows import blend_weights, denoise_over_windows
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import Latents, Prediction, sample_latents
from veggie_pl.errors import UseError
from veggie_pl.inference.windows import windows
from veggie_pl.seeding import torch_rng

CELL = (3, 2, 2)  # channels, height and width of latents


def noise_of(frames: range) -> Latents:
    return torch.stack([torch.randn(CELL, generator=torch_rng("windows", number)) for number in frames])[None]


def prediction(number: int) -> Prediction:
    """Stand for the network: what is said of a frame depends on all frames of the window, and on which window it is."""
    return lambda noisy, timestep: noisy + noisy.mean(1, keepdim=True) * timestep.view(-1, 1, 1, 1, 1) / 1000 - number


def joined(places: list[range], predictions: list[Prediction], num_frames: int) -> Prediction:
    """All windows at once, held in memory."""
    weights = blend_weights(places)

    def predict(noisy: Latents, timestep: torch.Tensor) -> Latents:
        total = torch.zeros_like(noisy)
        for place, one, weight in zip(places, predictions, weights, strict=True):
            frames = slice(place.start, place.stop)
            total[:, frames] += weight.float()[:, None, None, None] * one(noisy[:, frames], timestep)
        return total

    return predict


@pytest.mark.parametrize("scheduler", [DDIMScheduler, DPMSolverMultistepScheduler])
@pytest.mark.parametrize(("num_frames", "overlap", "steps"), [(8, 2, 3), (9, 1, 2), (30, 2, 4), (31, 5, 3), (12, 0, 2)])
def test_wave_equals_one_run_over_the_whole_clip(scheduler: type, num_frames: int, overlap: int, steps: int) -> None:
    process = process_of(scheduler(prediction_type="sample"))
    places = windows(num_frames, 8, overlap)
    predictions = [prediction(number) for number in range(len(places))]
    parts = list(denoise_over_windows(places, predictions, process, steps, (8, *CELL), noise_of))
    assert [number for frames, _ in parts for number in frames] == list(range(num_frames))
    whole = sample_latents(joined(places, predictions, num_frames), process, noise_of(range(num_frames)), steps)
    torch.testing.assert_close(torch.cat([latents for _, latents in parts], 1), whole)


@pytest.mark.parametrize(("overlap", "most"), [(2, 4), (4, 4), (6, 10)])  # 4 steps, each 1 or 3 windows behind
def test_no_more_is_held_however_long_the_clip(overlap: int, most: int) -> None:
    process = process_of(DDIMScheduler(prediction_type="sample"))
    places, taken = windows(200, 8, overlap), 0

    def predictions() -> Iterator[Prediction]:
        nonlocal taken
        for number in range(len(places)):
            taken += 1
            yield prediction(number)

    for done, _ in enumerate(denoise_over_windows(places, predictions(), process, 4, (8, *CELL), noise_of)):
        assert taken - done <= most
    assert taken == len(places)


def test_every_frame_gets_weights_that_sum_to_1() -> None:
    for num_frames, window, overlap in [(1, 8, 2), (8, 8, 2), (50, 8, 0), (50, 8, 2), (51, 8, 7), (23, 5, 3)]:
        places = windows(num_frames, window, min(overlap, window - 1))
        total = torch.zeros(num_frames, dtype=torch.float64)
        for place, weight in zip(places, blend_weights(places), strict=True):
            assert (weight > 0).all()
            total[place.start : place.stop] += weight
        torch.testing.assert_close(total, torch.ones_like(total))


def test_windows_fade_into_each_other() -> None:
    first, second = blend_weights([range(6), range(4, 10)])
    torch.testing.assert_close(first[4:], torch.tensor([2 / 3, 1 / 3], dtype=torch.float64))  # of 2 + 1 and 1 + 2
    torch.testing.assert_close(second[:2], torch.tensor([1 / 3, 2 / 3], dtype=torch.float64))


def test_equal_predictions_blend_to_themselves() -> None:
    process = process_of(DDIMScheduler(prediction_type="sample"))
    places = [range(4), range(2, 8), range(6, 10)]

    def halve(noisy: Latents, timestep: torch.Tensor) -> Latents:
        return noisy / 2

    parts = denoise_over_windows(places, [halve] * 3, process, 3, (6, *CELL), noise_of)
    alone = sample_latents(halve, process, noise_of(range(10)), 3)
    torch.testing.assert_close(torch.cat([latents for _, latents in parts], 1), alone)


def test_stochastic_schedulers_draw_from_the_segments_own_generators() -> None:
    process = process_of(EulerAncestralDiscreteScheduler())

    def sample(key: str) -> torch.Tensor:
        drawn = denoise_over_windows(
            windows(12, 8, 2),
            [prediction(0)] * 2,
            process,
            2,
            (8, *CELL),
            noise_of,
            lambda frames: [torch_rng(key, frames.start)],
        )
        return torch.cat([latents for _, latents in drawn], 1)

    assert torch.equal(sample("one"), sample("one"))
    assert not torch.equal(sample("one"), sample("other"))


def test_one_window_is_the_edit_of_the_model_to_the_bit() -> None:
    module = tiny_module(video=True, num_steps=2).eval()
    randomise_output(module)
    clip = torch.rand(1, 8, 3, 16, 16) * 2 - 1
    guidance, seed = module.guidance["removal"], ("edit", 0)
    shape = module.vae.latent_shape(8, 16, 16)
    predict = module.prediction(module.condition(clip, ["remove it"]), guidance)
    start = torch.randn(1, *shape, generator=torch_rng(*seed))
    ((frames, latents),) = denoise_over_windows(
        [range(8)], [predict], module.objective.process, 2, shape, lambda frames: start
    )
    assert frames == range(8)
    assert torch.equal(module.decode(latents), module.edit(clip, ["remove it"], guidance, [seed]))


def test_frame_in_no_window_and_too_many_steps_are_errors() -> None:
    process = process_of(DDIMScheduler(num_train_timesteps=10))
    with pytest.raises(UseError, match="no window has frame 4 of 10"):
        list(denoise_over_windows([range(4), range(5, 10)], [], process, 1, (4, *CELL), noise_of))
    with pytest.raises(UseError, match=r"num_steps must be in 1 \.\. 10, got 11"):
        list(denoise_over_windows([range(4)], [], process, 11, (4, *CELL), noise_of))
