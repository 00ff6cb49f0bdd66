"""The form of guidance that starts from the middle."""

from pathlib import Path

import pytest
import torch
from support.image_models import own_folder
from support.parts import make_batch

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.methods import InstructDiffusion
from veggie_pl.methods.instruct_diffusion import symmetric_guidance
from veggie_pl.methods.training_free import Sampling


def test_guidance_by_hand() -> None:
    video, task, full = (torch.full((1, 1, 1, 1, 1), value) for value in (1.0, 2.0, 4.0))
    # 0.5 (1 + 2) + 5 (4 - 1) + 1.25 (4 - 2)
    assert symmetric_guidance(video, task, full, 1.25, 5.0).item() == 1.5 + 15 + 2.5
    assert symmetric_guidance(full, full, full, 1.25, 5.0).item() == 4  # where the conditions change nothing
    assert symmetric_guidance(video, task, full, 0.5, 0.5).item() == 4  # scales of a half are none


def test_branches_are_the_task_the_source_and_both(pix2pix: str) -> None:
    method = InstructDiffusion(pix2pix)
    assert method.guidance["removal"] == Guidance(5.0, 1.25)
    assert method.num_steps == 100
    told = method.model.condition(make_batch(1, 2).source, ["remove the red circle"])
    noisy, timestep = torch.randn(1, 2, 4, 8, 8), torch.tensor([500])
    with torch.no_grad():
        made = method.prediction(told, Guidance(5.0, 1.25))(noisy, timestep)
        ask = method.model.predict
        full, video = ask(noisy, told.source, timestep, told.tokens), ask(noisy, told.source, timestep, told.null)
        task = ask(noisy, torch.zeros_like(told.source), timestep, told.tokens)
    expected = 0.5 * (video + task) + 5 * (full - video) + 1.25 * (full - task)
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_scales_may_be_named(pix2pix: str) -> None:
    method = InstructDiffusion(pix2pix, Sampling(guidance={"removal": Guidance(3.0, 1.0)}))
    assert method.guidance["removal"] == Guidance(3.0, 1.0)
    assert method.guidance["addition"] == Guidance(5.0, 1.25)


def test_model_that_never_saw_the_task_alone_is_an_error_of_use(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "model", drop_source=0.0)
    with pytest.raises(UseError, match=r"asks for the task without the source, but .* drop_source: 0"):
        InstructDiffusion(folder)
