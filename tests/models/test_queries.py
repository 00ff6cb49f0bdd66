"""Queries and aligner."""

import pytest
import torch

from veggie_pl.models import Aligner, TaskQueries


def test_frames_share_a_group_and_differ_by_their_place() -> None:
    queries = TaskQueries(num_queries=3, max_frames=4, width=5)
    filled = queries(torch.tensor([[0, 2], [2, 3]]))
    assert filled.shape == (2, 2, 3, 5)
    assert torch.equal(filled[0, 1], filled[1, 0])
    assert torch.allclose(filled[0, 1] - filled[0, 0], (queries.frame[2] - queries.frame[0]).expand(3, 5), atol=1e-6)


def test_all_queries_learn() -> None:
    queries = TaskQueries(num_queries=3, max_frames=4, width=5)
    queries(torch.arange(4)[None]).square().sum().backward()
    assert all((p.grad != 0).all() for p in queries.parameters())


def test_too_long_a_clip_is_an_error() -> None:
    with pytest.raises(ValueError, match="5 frames, but the queries cover 4"):
        TaskQueries(3, 4, 5)(torch.arange(5)[None])


def test_dropped_samples_get_the_null_tokens_and_teach_them() -> None:
    aligner = Aligner(width_in=5, width_out=3)
    hidden = torch.randn(2, 1, 4, 5)
    with torch.no_grad():
        aligner.null += 1
    tokens = aligner(hidden, torch.tensor([True, False]))
    assert torch.equal(tokens[0], aligner.null.expand(1, 4, 3))
    assert torch.equal(tokens[1], aligner(hidden)[1])
    tokens[0].sum().backward()
    assert aligner.null.grad.abs().sum() > 0
    assert aligner.linear.weight.grad.abs().sum() == 0
