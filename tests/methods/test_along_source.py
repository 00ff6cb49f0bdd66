"""Sampling along the source: without injection it is the model alone, and an inverted source comes back."""

from typing import Any

import pytest
import torch
from support.parts import make_batch

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.sampler import sample_latents
from veggie_pl.errors import UseError
from veggie_pl.files import ROOT
from veggie_pl.methods import FrameByFrame
from veggie_pl.methods.along_source import AlongSource
from veggie_pl.methods.training_free import Sampling, Task
from veggie_pl.models.injection import Injection
from veggie_pl.seeding import torch_rng

OFF = Injection(0.0, 0.0, 0.0, (), ())
SHIPPED = str(ROOT / "weights/nano/stage1")
SHAPES = make_batch(1, 3)


def unguided(scale: float = 1.0) -> dict[str, Guidance]:
    return {"default": Guidance(scale)}


@pytest.mark.parametrize("folder", ["own", "pix2pix"])
def test_with_nothing_injected_it_is_the_model_alone(folder: str, request: pytest.FixtureRequest) -> None:
    path, few = request.getfixturevalue(folder), Sampling(num_steps=2)
    expected = FrameByFrame(path, few).edit_batch(SHAPES)
    torch.testing.assert_close(AlongSource(path, few, injection=OFF).edit_batch(SHAPES), expected, atol=1e-4, rtol=0)
    injected = AlongSource(path, few).edit_batch(SHAPES)
    assert not torch.allclose(injected, expected, atol=1e-3)


def test_source_goes_through_the_unet_in_its_noise_as_first_rows(own: str) -> None:
    method = AlongSource(own, Sampling(num_steps=2, guidance=unguided(3.0)), injection=OFF)
    noise = torch.randn(1, 3, 48, 4, 4, generator=torch_rng("noise"))
    task = Task(SHAPES.source, "remove the red circle", "", Guidance(3.0), "k")
    condition = method.model.condition(task.source, [task.words])
    branch, seen = method.branch(task, condition, noise), []
    hook = method.model.unet.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    method.along(condition, task.guidance, branch)(noise, torch.tensor([999]))
    hook.remove()
    rows = seen[0].unflatten(0, (3, 3))  # the source, then two branches of guidance, of 3 frames
    expected = method.model.process.mix(condition.source, noise, torch.tensor([999]))
    assert list(branch.noisy) == [999, 499]
    torch.testing.assert_close(branch.noisy[999], expected)
    assert not torch.equal(rows[0], rows[1])
    assert torch.equal(rows[1, :, :48], rows[2, :, :48])


def come_back(folder: str, steps: int, strength: float = 0.02) -> float:
    """What inverted latents lose, as a share of them, with the same words on both ways.

    A UNet of random weights predicts something else at every timestep and for everything else: this one is not told
    the timestep, and what it predicts is small beside the latents.
    """
    method = AlongSource(folder, Sampling(steps, unguided()), steps, OFF)
    torch.nn.init.zeros_(method.model.unet.time_embedding.linear_2.weight)
    method.model.unet.conv_out.weight.mul_(strength)
    method.model.unet.conv_out.bias.zero_()
    task = Task(SHAPES.source, "a scene", "a scene", Guidance(), "k")
    condition = method.model.condition(task.source, [task.words])
    branch = method.branch(task, condition, condition.source)
    predict = method.along(condition, task.guidance, branch)
    found = sample_latents(predict, method.model.process, branch.noisy[max(branch.noisy)], steps)
    return float((found - condition.source).norm() / condition.source.norm())


def test_inverted_source_comes_back_where_the_model_does_not_see_it(captioned: str) -> None:
    coarse, fine = come_back(captioned, 10), come_back(captioned, 50)
    assert fine < 0.02
    assert fine < 0.4 * coarse  # of first order in the size of a step


def test_shipped_model_gives_an_inverted_source_back() -> None:
    """Asked for nothing (the scale of the task is 0), in 10 steps."""
    method = AlongSource(SHIPPED, Sampling(10, unguided(0.0)), 10, OFF)
    clip = torch.nn.functional.interpolate(SHAPES.source[0], (32, 32), mode="bilinear")[None]
    found = method.edit(Task(clip, "make it night", "", Guidance(0.0), "k"))
    assert float((found - clip).square().mean()) < 4 * 10**-3.3  # 33 dB; the weights reach 34, in 40 steps as well


def test_scales_of_captions_are_not_those_of_instructions(own: str, captioned: str) -> None:
    class Scaled(AlongSource):
        """Has scales of a paper."""

        paper_guidance = Guidance(7.5)

    assert Scaled(captioned).guidance["removal"] == Guidance(7.5)
    assert Scaled(own).guidance == FrameByFrame(own).guidance
    assert Scaled(own, Sampling(guidance=unguided(2.0))).guidance["removal"] == Guidance(2.0)


def test_published_steps_and_blocks_are_the_defaults(captioned: str, own: str) -> None:
    method = AlongSource(captioned)
    assert (method.num_steps, method.inversion_steps) == (50, 500)
    assert (method.injection.spatial, method.injection.features) == (0.5, 0.8)
    assert AlongSource(own).inversion_steps == 0


@pytest.mark.parametrize(
    ("folder", "options", "said"),
    [
        ("captioned", {"inversion_steps": 0}, "sees no source: inversion_steps must be above 0"),
        ("captioned", {"inversion_steps": 30}, "steps must divide inversion_steps"),
        ("own", {"injection": Injection(0.5, 0.0, 0.8)}, r"attention_blocks \[4, .*are not in this model"),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    folder: str, options: dict[str, Any], said: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(UseError, match=said):
        AlongSource(request.getfixturevalue(folder), **options)
