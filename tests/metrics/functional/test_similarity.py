import math

import pytest
import torch
import torch.nn.functional as F
from support.metric_batches import noise

from veggie_pl.metrics.functional import (
    direction_similarity,
    neighbour_similarity,
    similarity_to_start,
    text_similarity,
    vbench_consistency,
)

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
HALF = torch.tensor([0.6, 0.8])


def test_text_similarity_is_the_mean_cosine_and_never_below_nothing() -> None:
    assert text_similarity(torch.stack([X, HALF]), X).item() == pytest.approx((1 + 0.6) / 2)
    assert text_similarity(torch.stack([X, -HALF]), X).item() == pytest.approx((1 - 0.6) / 2)
    assert text_similarity(-X[None], X).item() == 0.0


def test_direction_of_the_change_by_hand() -> None:
    edited, source = torch.stack([Y, X]), torch.stack([X, X])
    # the first frame changed as the words did, the second did not change: (1 + 0) / 2
    assert direction_similarity(edited, source, Y, X).item() == pytest.approx(0.5)
    assert direction_similarity(source[:1], edited[:1], Y, X).item() == pytest.approx(-1.0)


def test_neighbour_similarity_by_hand() -> None:
    assert neighbour_similarity(torch.stack([X, HALF, Y])).item() == pytest.approx((0.6 + 0.8) / 2)
    assert math.isnan(neighbour_similarity(X[None]).item())


def test_vbench_consistency_by_its_formula() -> None:
    frames = F.normalize(noise(6, 4, seed=7), dim=1)
    total = 0.0
    for i in range(1, 6):
        to_last = max(0.0, float(frames[i - 1] @ frames[i]))
        to_first = max(0.0, float(frames[0] @ frames[i]))
        total += (to_last + to_first) / 2
    assert vbench_consistency(frames).item() == pytest.approx(total / 5)
    assert float(frames[0] @ frames[1]) < 0 or (frames[1:] @ frames[0] < 0).any()  # the cut at 0 counts
    assert math.isnan(vbench_consistency(X[None]).item())


def test_similarity_to_the_first_frames_by_hand() -> None:
    frames = torch.stack([X, X, HALF, Y])
    assert similarity_to_start(frames, 2).item() == pytest.approx((0.6 + 0.0) / 2)
