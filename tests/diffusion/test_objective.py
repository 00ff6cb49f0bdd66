import pytest
import torch
from diffusers import DDPMScheduler

from veggie_pl.diffusion.objective import Objective
from veggie_pl.seeding import torch_rng

LATENTS = torch.zeros(4000, 1, 1, 1, 1)


def draw(**options: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    objective = Objective(DDPMScheduler(), **options)
    draws = objective.draw(LATENTS, [torch_rng("test", i) for i in range(len(LATENTS))])
    return draws.timestep, draws.drop_task, draws.drop_source


def test_drop_rates_match_the_config() -> None:
    _, task, source = draw(drop_task=0.1, drop_source=0.2, drop_both=0.3)
    shares = [(task & ~source), (~task & source), (task & source)]
    for share, rate in zip(shares, [0.1, 0.2, 0.3], strict=True):
        assert share.float().mean().item() == pytest.approx(rate, abs=4 * (rate * (1 - rate) / len(LATENTS)) ** 0.5)


def test_no_drop_without_a_rate() -> None:
    _, task, source = draw(drop_task=0.0, drop_source=0.0, drop_both=0.0)
    assert not task.any()
    assert not source.any()


def test_timesteps_are_uniform_or_favour_noise() -> None:
    uniform, noisy = draw()[0].double(), draw(timestep_power=0.5)[0].double()
    assert uniform.mean().item() == pytest.approx(499.5, abs=20)
    assert noisy.mean().item() == pytest.approx(1000 * 2 / 3, abs=20)  # density 2 t on [0, 1] has mean 2/3
    assert uniform.min() >= 0
    assert noisy.max() <= 999
    assert uniform.min() < 5 < 995 < uniform.max()


def test_a_share_of_the_timesteps_is_uniform_whatever_the_power() -> None:
    mixed = draw(timestep_power=0.5, timestep_uniform=0.4)[0].double()
    assert mixed.mean().item() == pytest.approx(0.4 * 499.5 + 0.6 * 1000 * 2 / 3, abs=20)
    low = (mixed < 100).double().mean().item()
    assert low == pytest.approx(0.4 * 0.1 + 0.6 * 0.1**2, abs=4 * (0.046 / len(LATENTS)) ** 0.5)
    assert torch.equal(draw(timestep_power=0.5, timestep_uniform=1.0)[0], draw()[0])
    assert torch.equal(draw(timestep_power=0.5, timestep_uniform=0.0)[0], draw(timestep_power=0.5)[0])


def test_draws_do_not_depend_on_the_batch() -> None:
    objective = Objective(DDPMScheduler())
    latents = torch.zeros(6, 2, 3, 4, 4)
    whole = objective.draw(latents, [torch_rng("x", i) for i in range(6)])
    part = objective.draw(latents[4:], [torch_rng("x", i) for i in (4, 5)])
    assert torch.equal(whole.noise[4:], part.noise)
    assert torch.equal(whole.timestep[4:], part.timestep)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_loss_is_zero_for_the_right_answer_only(kind: str) -> None:
    scheduler = DDPMScheduler(prediction_type=kind)
    objective = Objective(scheduler)
    latents = torch.randn(3, 2, 4, 4, 4, generator=torch_rng("latents"))
    draws = objective.draw(latents, [torch_rng("x", i) for i in range(3)])
    noisy = objective.add_noise(latents, draws)
    alpha = scheduler.alphas_cumprod[draws.timestep].view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(noisy, alpha.sqrt() * latents + (1 - alpha).sqrt() * draws.noise)
    answers = {
        "epsilon": (noisy - alpha.sqrt() * latents) / (1 - alpha).sqrt(),
        "v_prediction": alpha.sqrt() * draws.noise - (1 - alpha).sqrt() * latents,
        "sample": (noisy - (1 - alpha).sqrt() * draws.noise) / alpha.sqrt(),
    }
    for name, answer in answers.items():
        loss = objective.loss(answer, latents, draws)
        assert loss.shape == (3,)
        assert (loss.max() < 1e-4) == (name == kind)


BAD = [{"drop_task": -0.1}, {"drop_task": 0.6, "drop_both": 0.6}, {"timestep_power": 0.0}, {"timestep_uniform": 1.5}]


def test_large_errors_count_by_their_size_and_small_ones_squared() -> None:
    latents = torch.zeros(3, 1, 1, 1, 2)
    errors = torch.tensor([[3.0, 3.0], [0.01, -0.01], [0.0, 300.0]]).view_as(latents)
    scheduler = DDPMScheduler(prediction_type="sample")
    bent, squared = Objective(scheduler, huber=4.0), Objective(scheduler)
    draws = bent.draw(latents, [torch_rng("x", i) for i in range(3)])
    # by hand: 2 * 4 * (sqrt(9 + 16) - 4) = 8; near zero the square; far out 8 * (300.03 - 4), the mean with a zero
    assert bent.loss(errors, latents, draws).tolist() == pytest.approx([8.0, 1e-4, 1184.1], rel=1e-3)
    assert squared.loss(errors, latents, draws).tolist() == pytest.approx([9.0, 1e-4, 45_000.0], rel=1e-3)
    weighed = Objective(scheduler, huber=4.0, change_weight=4.0)
    assert weighed.loss(errors, latents, draws).tolist() == bent.loss(errors, latents, draws).tolist()


@pytest.mark.parametrize("bad", [*BAD, {"change_weight": 0.0}, {"huber": -0.1}])
def test_bad_rates_are_errors(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Objective(DDPMScheduler(), **bad)
