"""Predictions of windows joined to one, and what a longer clip makes of them."""

import pytest
import torch
from support.parts import randomise_output, tiny_module

from veggie_pl.diffusion.over_windows import over_windows
from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng

NOISY = torch.randn(2, 10, 3, 2, 2, generator=torch_rng("windows"))
TIMESTEP = torch.tensor([3, 500])


def double(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    return noisy * timestep.view(-1, 1, 1, 1, 1)


def test_one_window_is_the_prediction_itself() -> None:
    assert torch.equal(over_windows([(range(10), double)])(NOISY, TIMESTEP), double(NOISY, TIMESTEP))


def test_windows_that_agree_are_as_one() -> None:
    parts = [(range(4), double), (range(2, 8), double), (range(6, 10), double)]
    torch.testing.assert_close(over_windows(parts)(NOISY, TIMESTEP), double(NOISY, TIMESTEP))


def test_windows_fade_into_each_other() -> None:
    ones, zeros = (lambda noisy, _, value=value: torch.full_like(noisy, value) for value in (1.0, 0.0))
    joined = over_windows([(range(6), ones), (range(4, 10), zeros)])(NOISY, TIMESTEP)
    expected = torch.tensor([1, 1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0, 0])  # 2 of 2 + 1 and 1 of 1 + 2, by hand
    torch.testing.assert_close(joined[0, :, 0, 0, 0], expected)


def test_frame_in_no_window_is_an_error() -> None:
    with pytest.raises(UseError, match="no window has frame 4 of 10"):
        over_windows([(range(4), double), (range(5, 10), double)])


def test_a_clip_longer_than_the_queries_is_denoised_in_one_run() -> None:
    module = tiny_module(video=True, num_steps=2).eval()
    randomise_output(module)
    clip = torch.rand(1, 12, 3, 16, 16) * 2 - 1
    guidance, seeds = module.guidance["removal"], [("edit", 0)]
    seen: list[float] = []

    def constrain(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        seen.append(float(timestep))
        return latents

    parts = []
    for window in (range(8), range(4, 12)):
        condition = module.condition(clip[:, window.start : window.stop], ["remove it"])
        parts.append((window, module.prediction(condition, guidance)))
    shape = (1, *module.vae.latent_shape(12, 16, 16))
    edited = module.decode(module.denoise(over_windows(parts), shape, seeds, constrain=constrain))
    assert edited.shape == clip.shape
    assert len(seen) == 2
    assert seen[-1] == 0
    short = module.edit(clip[:, :8], ["remove it"], guidance, seeds)
    one = module.decode(module.denoise(parts[0][1], (1, *module.vae.latent_shape(8, 16, 16)), seeds))
    assert torch.equal(one, short)
