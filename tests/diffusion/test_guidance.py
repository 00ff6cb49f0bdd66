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


@pytest.mark.parametrize(
    ("task", "source", "evaluations"), [(1.0, 1.0, 1), (7.5, 1.0, 2), (1.0, 1.5, 3), (14.5, 1.5, 3)]
)
def test_skipped_branches_change_nothing(task: float, source: float, evaluations: int) -> None:
    calls: list[int] = []
    out = guided(predict_counting(calls), Guidance(task, source), FULL, SOURCE, torch.ones(1), TOKENS, NULL)
    torch.testing.assert_close(out, two_scale_guidance(NONE, VIDEO, FULL, source, task))
    assert calls == [evaluations]  # in one pass
