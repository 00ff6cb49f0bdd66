"""Tokens are merged and come back."""

import pytest
import torch
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.methods.merging import check_ratio, match, match_frames, match_parts


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("target", [0, 2])
def test_every_token_has_one_stand_in(ratio: float, target: int) -> None:
    frames = tokens(2, 3, 7, 5)
    found = match_frames(frames, target, ratio)
    assert len(found.kept) == 7 + 14 - int(14 * ratio)
    assert len(found.kept.unique()) == len(found.kept)
    assert found.stand_in.shape == (21,)
    assert set(found.stand_in.tolist()) <= set(range(len(found.kept)))
    assert torch.equal(found.stand_in[found.kept], torch.arange(len(found.kept)))  # kept ones are their own
    assert set(range(7 * target, 7 * target + 7)) <= set(found.kept.tolist())  # the target frame stays
    flat = frames.flatten(1, 2)
    assert torch.equal(found.unmerge(found.merge(flat))[:, found.kept], flat[:, found.kept])


def test_merging_and_unmerging_a_constant_is_the_identity() -> None:
    constant = tokens(2, 1, 5).expand(2, 21, 5)
    found = match_frames(constant.unflatten(1, (3, 7)), 1, 0.9)
    assert torch.equal(found.unmerge(found.merge(constant)), constant)


def test_frames_that_repeat_in_another_order_are_found() -> None:
    frame, order = tokens(1, 6, 4), torch.tensor([3, 1, 5, 0, 2, 4])
    frames = torch.stack([frame, 3 * frame[:, order]], 1)  # the cosine knows no length
    found = match_frames(frames, 0, 1.0)
    assert found.kept.tolist() == [*range(6)]
    assert found.stand_in.tolist() == [*range(6), *order.tolist()]


def test_what_is_most_alike_is_merged_first() -> None:
    target = torch.eye(4)[None]
    blur = torch.tensor([0.0, 0.4, 0.1, 0.9])[None, :, None]
    found = match_parts(torch.cat([(target + blur), target], 1), 4, True, 0.5)
    assert found.stand_in[4:].tolist() == [2, 3, 4, 5]
    merged = {place for place in range(4) if place not in found.kept.tolist()}
    assert merged == {0, 2}
    assert [found.stand_in[0].item(), found.stand_in[2].item()] == [2, 4]


def test_groups_share_the_matching_of_the_likeliest_pair() -> None:
    left, right = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    unsure = torch.tensor([[0.9, 0.5]])  # the first group says: the first target; the second is certain of the second
    both = torch.stack([torch.cat([unsure, left]), torch.cat([right.flip(1), left])])
    found = match(both, torch.tensor([0]), torch.tensor([1, 2]), 1.0)
    assert found.stand_in.tolist() == [1, 0, 1]


def test_ratio_is_a_share() -> None:
    check_ratio("local_ratio", 1.0)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UseError, match=r"local_ratio is a share of tokens in \[0, 1\], got "):
            check_ratio("local_ratio", wrong)
