import pytest
import torch

from veggie_pl.diffusion.guidance import Guidance, guided, two_scale_guidance

NONE, VIDEO, FULL = torch.randn(3, 1, 1, 1, 2, 2, generator=torch.Generator().manual_seed(0))


SOURCE, TOKENS, NULL = torch.ones(1, 1, 1, 2, 2), torch.ones(1, 1, 3, 4), torch.zeros(1, 1, 3, 4)


def predict_counting(calls: list[int]):
    """A network that tells its conditions apart and takes several rows at a time."""

    def predict(noisy: torch.Tensor, source: torch.Tensor, timestep: torch.Tensor, tokens: torch.Tensor):
        assert len(noisy) == len(source) == len(timestep) == len(tokens)
        calls.append(len(noisy))
        rows = [
            FULL if token.any() else VIDEO if shown.any() else NONE for shown, token in zip(source, tokens, strict=True)
        ]
        return torch.cat(rows)

    return predict


def test_formula_by_hand() -> None:
    one = torch.ones(1, 1, 1, 1, 1)
    out = two_scale_guidance(1 * one, 3 * one, 7 * one, video_scale=2.0, task_scale=10.0)
    assert out.item() == 1 + 2 * (3 - 1) + 10 * (7 - 3)


def test_slopes_combine_to_the_slope_of_the_combined_latents() -> None:
    """At sigma 1/2, noisy 1: latents 0.6, 0.4 and 0.2 without condition, with the source, with both; scales 2 and 3."""
    noisy, sigma = torch.ones(1, 1, 1, 2, 2), 0.5
    latents = [latent * torch.ones_like(noisy) for latent in (0.6, 0.4, 0.2)]
    none, video, full = ((noisy - latent) / sigma for latent in latents)  # slopes 0.8, 1.2 and 1.6

    def predict(shown: torch.Tensor, source: torch.Tensor, timestep: torch.Tensor, tokens: torch.Tensor):
        rows = zip(source, tokens, strict=True)
        return torch.cat([full if token.any() else video if clip.any() else none for clip, token in rows])

    slope = guided(predict, Guidance(task=3.0, source=2.0), noisy, SOURCE, torch.full((1,), 500.0), TOKENS, NULL)
    torch.testing.assert_close(slope, torch.full_like(noisy, 0.8 + 2 * (1.2 - 0.8) + 3 * (1.6 - 1.2)))  # 2.8
    by_latents = two_scale_guidance(*latents, video_scale=2.0, task_scale=3.0)  # 0.6 - 2 * 0.2 - 3 * 0.2 = -0.4
    torch.testing.assert_close(noisy - sigma * slope, by_latents)
    torch.testing.assert_close(by_latents, torch.full_like(noisy, -0.4))


@pytest.mark.parametrize(
    ("task", "source", "evaluations"), [(1.0, 1.0, 1), (7.5, 1.0, 2), (1.0, 1.5, 3), (14.5, 1.5, 3)]
)
def test_skipped_branches_change_nothing(task: float, source: float, evaluations: int) -> None:
    calls: list[int] = []
    out = guided(predict_counting(calls), Guidance(task, source), FULL, SOURCE, torch.ones(1), TOKENS, NULL)
    torch.testing.assert_close(out, two_scale_guidance(NONE, VIDEO, FULL, source, task))
    assert calls == [evaluations]  # in one pass
