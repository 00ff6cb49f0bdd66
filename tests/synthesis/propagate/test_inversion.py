"""Inversion and sampling: there and back is the video again, and without injection it is diffusers' own pipeline."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from PIL import Image
from support.pipelines import i2vgen
from support.stills import WORDS, boxed
from torch import Tensor

from veggie_pl.diffusion.inversion import Schedules
from veggie_pl.errors import UseError
from veggie_pl.models.injection import Injection
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.propagate.inversion import encode, invert, sample, told, unconditional

CPU, OFF, ALL = torch.device("cpu"), Injection(0.0, 0.0, 0.0), Injection(1.0, 1.0, 1.0)
STEPS = {"clip_sample": False, "rescale_betas_zero_snr": True, "steps_offset": 1}
STILL = boxed(32, 48)
VIDEO = [Image.fromarray(frame) for frame in CameraAnimator(3).animate(STILL, WORDS, 2).frames]
EDITED = Image.fromarray(STILL.target)


@pytest.fixture(scope="module")
def pipe() -> Any:
    torch.manual_seed(0)
    made = i2vgen()
    for part in (made.unet, made.vae, made.text_encoder, made.image_encoder):
        part.eval().requires_grad_(False)
    made.vae.quant_conv.weight[4:] = 0  # diffusers' pipeline draws from the posterior: leave it no width
    made.vae.quant_conv.bias[4:] = -30
    made.scheduler = DDIMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", **STEPS)
    made.set_progress_bar_config(disable=True)
    return made


def error(pipe: Any, steps: int, injection: Injection) -> float:
    """What latents of scale 1 lose, to noise and back with the same first frame and without a prompt or guidance."""
    schedules, latents = Schedules.like(pipe.scheduler, steps, steps), encode(pipe, CPU, VIDEO)
    asked, latents = told(pipe, CPU, "", VIDEO[0], 3, 8), latents / latents.std()
    passed = invert(pipe, schedules, latents, asked, 0)
    assert apart(passed[max(passed)], latents) > 0.4  # it went somewhere
    return apart(sample(pipe, schedules, passed, [asked] * 3, 1.0, injection), latents)


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


def test_there_and_back_is_the_video_again(pipe: Any) -> None:
    coarse, fine = error(pipe, 5, OFF), error(pipe, 20, OFF)
    assert fine < 0.15
    assert fine < 0.6 * coarse  # of first order in the size of a step


def test_injection_of_the_same_changes_nothing(pipe: Any) -> None:
    off, on = error(pipe, 5, OFF), error(pipe, 5, ALL)
    assert on == pytest.approx(off, rel=0.05)


def test_without_injection_it_is_the_pipelines_own_denoising(pipe: Any) -> None:
    schedules = Schedules.like(pipe.scheduler, 10, 5)
    source, target = told(pipe, CPU, "", VIDEO[0], 3, 8), told(pipe, CPU, "a red scene", EDITED, 3, 8)
    passed = invert(pipe, schedules, encode(pipe, CPU, VIDEO), source, 0)
    rows = [source, unconditional(pipe, CPU, "the camera", target), target]
    found = sample(pipe, schedules, passed, rows, 9.0, OFF)
    own = pipe(
        prompt_embeds=target["encoder_hidden_states"],  # to read words itself, it needs transformers 4
        negative_prompt_embeds=rows[1]["encoder_hidden_states"],
        image=EDITED,
        height=32,
        width=48,
        target_fps=8,
        num_frames=3,
        num_inference_steps=5,
        guidance_scale=9.0,
        latents=passed[max(passed)],
        output_type="latent",
    ).frames
    torch.testing.assert_close(found, own, atol=1e-4, rtol=1e-4)
    assert apart(sample(pipe, schedules, passed, rows, 9.0, ALL), own) > 0.001
    assert apart(sample(pipe, schedules, passed, [rows[0], rows[1], source], 9.0, OFF), own) > 0.001


def test_prompt_is_read_without_the_last_layer(pipe: Any) -> None:
    shorter = deepcopy(pipe.text_encoder)
    del shorter.encoder.layers[-1]
    words = pipe.tokenizer("a red scene", padding="max_length", max_length=77, return_tensors="pt").input_ids
    found = told(pipe, CPU, "a red scene", EDITED, 3, 8)["encoder_hidden_states"]
    torch.testing.assert_close(found, shorter(words).last_hidden_state, atol=1e-5, rtol=0)
    assert not torch.allclose(found, told(pipe, CPU, "a camera", EDITED, 3, 8)["encoder_hidden_states"])


def test_row_of_the_edit_is_that_of_the_source_if_nothing_is_edited(pipe: Any) -> None:
    schedules = Schedules.like(pipe.scheduler, 4, 4)
    asked, predicted = told(pipe, CPU, "", VIDEO[0], 3, 8), []
    passed = invert(pipe, schedules, encode(pipe, CPU, VIDEO), asked, 3)
    hook = pipe.unet.register_forward_hook(lambda layer, given, made: predicted.append(made[0].chunk(3)))
    sample(pipe, schedules, passed, [asked, unconditional(pipe, CPU, "red", asked), asked], 9.0, ALL)
    hook.remove()
    [(source, none, full)] = predicted
    torch.testing.assert_close(full, source, atol=1e-5, rtol=0)
    assert not torch.allclose(none, source, atol=1e-3)


def test_published_steps_start_at_the_published_timestep() -> None:
    for spacing, first in (("leading", [981, 961, 941]), ("trailing", [999, 979, 959])):
        scheduler = DDIMScheduler(steps_offset=1, timestep_spacing=spacing, prediction_type="v_prediction")
        schedules = Schedules.like(scheduler, 500, 50)
        assert schedules.forward.timesteps[:3].tolist() == first
        assert schedules.inverse.config.prediction_type == "v_prediction"
    assert len(schedules.inverse.timesteps) == 500


def test_inversion_keeps_what_sampling_passes(pipe: Any) -> None:
    schedules = Schedules.like(pipe.scheduler, 8, 4)
    asked = told(pipe, CPU, "", VIDEO[0], 3, 8)
    calls: list[int] = []
    hook = pipe.unet.register_forward_pre_hook(lambda layer, given: calls.append(int(given[1])))
    passed = invert(pipe, schedules, encode(pipe, CPU, VIDEO), asked, 1)
    assert sorted(passed) == [1, 251, 501]
    assert calls == [1, 126, 251, 376, 501]  # and not on to what nobody asks for
    calls.clear()
    sample(pipe, schedules, passed, [asked] * 3, 1.0, OFF)
    hook.remove()
    assert calls == [501, 251, 1]


def test_steps_that_do_not_meet_are_refused() -> None:
    scheduler = DDIMScheduler()
    with pytest.raises(UseError, match=r"3 steps do not meet those of an inversion in 6.*the model's 1000"):
        Schedules.like(scheduler, 6, 3)
    with pytest.raises(UseError, match="cannot be inverted in 2000 steps"):
        Schedules.like(scheduler, 2000, 50)
    with pytest.raises(UseError, match=r"cannot be inverted in 50 steps.*linspace"):
        Schedules.like(DDIMScheduler(timestep_spacing="linspace"), 50, 50)
