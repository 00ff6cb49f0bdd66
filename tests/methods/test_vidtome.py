"""VidToMe by its properties."""

from collections import Counter

import pytest
import torch
from support.parts import make_batch
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame, VidToMe
from veggie_pl.methods.processors import SamplingRun
from veggie_pl.methods.training_free import Sampling
from veggie_pl.methods.vidtome import Chunk, MergedAttention, draw_chunks
from veggie_pl.seeding import torch_rng

QUICK = Sampling(num_steps=2, same_noise=True)


def plain(attn: None, hidden: Tensor, *_: object, **__: object) -> Tensor:
    """Attention without weights."""
    return torch.softmax(hidden @ hidden.mT, -1) @ hidden


def test_ratio_0_is_the_plain_model(own: str) -> None:
    batch = make_batch(1, 5)
    assert torch.equal(VidToMe(own, local_ratio=0.0).edit_batch(batch), FrameByFrame(own).edit_batch(batch))
    assert not torch.equal(VidToMe(own).edit_batch(batch), FrameByFrame(own).edit_batch(batch))


def test_identical_frames_stay_identical_and_are_the_plain_models_where_all_is_merged(pix2pix: str) -> None:
    batch = make_batch(1, 6)
    batch.source[:] = batch.source[:, :1]
    edited = VidToMe(pix2pix, local_ratio=1.0, global_ratio=1.0, sampling=QUICK).edit_batch(batch)
    assert (edited - edited[:, :1]).abs().max() < 1e-4
    assert (edited - FrameByFrame(pix2pix, QUICK).edit_batch(batch)).abs().max() < 1e-4


def test_identical_frames_of_a_chunk_stay_identical() -> None:
    run = SamplingRun(4, 1, (0,))
    frames = torch.randn(2, 1, 6, 5, generator=torch.Generator().manual_seed(0)).expand(2, 4, 6, 5)
    merged = MergedAttention(plain, run, 4, 0.9, 0.0)
    out = merged(None, frames.flatten(0, 1)).unflatten(0, (2, 4))
    for chunk in run.draw(merged.draw):
        of_chunk = out[:, chunk.first : chunk.first + chunk.length]
        torch.testing.assert_close(of_chunk, of_chunk[:, :1].expand_as(of_chunk))


def test_tokens_are_shared_from_chunk_to_chunk() -> None:
    frames = torch.randn(8, 6, 5, generator=torch.Generator().manual_seed(0))
    apart, joined = (MergedAttention(plain, SamplingRun(8, 1, (0,)), 4, 0.9, ratio) for ratio in (0.0, 0.8))
    first, *others = draw_chunks(8, 4, torch_rng(0, 0))
    same = (apart(None, frames) == joined(None, frames)).flatten(1).all(1)
    assert same[first.first : first.first + first.length].all()  # it sees nothing before it
    assert not same[others[0].first : others[0].first + others[0].length].any()


def test_direction_of_global_merging_says_whose_tokens_are_attended_to() -> None:
    frames = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    of_first, of_second = plain(None, frames)
    for into_global in (True, False):
        run = SamplingRun(2, 1, (0,), _drawn={0: [Chunk(0, 1, 0, False), Chunk(1, 1, 0, into_global)]})
        first, second = MergedAttention(plain, run, 4, 1.0, 1.0)(None, frames)
        torch.testing.assert_close(first, of_first)
        if into_global:  # every token is the one of the first frame that is most like it
            unit = torch.nn.functional.normalize(frames, dim=-1)
            torch.testing.assert_close(second, of_first[(unit[1] @ unit[0].T).argmax(-1)])
        else:
            torch.testing.assert_close(second, of_second)


def test_frames_of_a_chunk_are_merged_into_the_one_that_chance_chose() -> None:
    frames = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0))
    for target in range(3):
        run = SamplingRun(3, 1, (0,), _drawn={0: [Chunk(0, 3, target, False)]})
        out = MergedAttention(plain, run, 4, 1.0, 0.0)(None, frames)
        torch.testing.assert_close(out[target], plain(None, frames)[target])


def test_global_ratio_0_leaves_other_chunks_out() -> None:
    frames = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    run = SamplingRun(2, 1, (0,), _drawn={0: [Chunk(0, 1, 0, False), Chunk(1, 1, 0, True)]})
    torch.testing.assert_close(MergedAttention(plain, run, 4, 0.9, 0.0)(None, frames), plain(None, frames))


def test_chunks_are_every_frame_once() -> None:
    firsts, orders, targets, moves = Counter[int](), Counter[bool](), Counter[int](), Counter[bool]()
    for seed in range(200):
        chunks = draw_chunks(18, 4, torch_rng(seed))
        assert sorted(frame for one in chunks for frame in range(one.first, one.first + one.length)) == [*range(18)]
        assert all(0 <= one.target < one.length <= 4 for one in chunks)
        in_time = sorted(chunks, key=lambda one: one.first)
        firsts[in_time[0].length] += 1
        assert all(one.length == 4 for one in in_time[1:-1])
        orders[chunks == in_time or chunks == in_time[::-1]] += 1
        targets.update(one.target for one in chunks)
        moves.update(one.into_global for one in chunks)
    assert firsts.keys() == {1, 2, 3, 4}
    assert orders.keys() == {True, False}
    assert targets.keys() == {0, 1, 2, 3}
    assert 0.4 < moves[True] / moves.total() < 0.6
    few = [[one.first for one in draw_chunks(8, 4, torch_rng(seed))] for seed in range(20)]  # none is drawn first
    assert {one == sorted(one) for one in few} == {True, False}
    assert all(one in (sorted(one), sorted(one, reverse=True)) for one in few)
    assert [(one.first, one.length) for one in draw_chunks(1, 4, torch_rng(0))] == [(0, 1)]


def test_layers_of_a_step_share_its_chance_and_steps_do_not() -> None:
    run = SamplingRun(16, 2, (3, "methods", "key"))
    drawn = []
    for step in range(12):
        run.step = step
        drawn.append(run.draw(lambda generator: draw_chunks(16, 4, generator)))
        assert run.draw(lambda generator: draw_chunks(16, 4, generator)) is drawn[-1]
    assert len({str(one) for one in drawn}) > 6


def test_coarse_layers_are_left_alone(own: str) -> None:
    run = SamplingRun(4, 1, (0,))
    assert all("mid_block" not in name for name in VidToMe(own, max_downsampling=1).processors(run))
    assert any("mid_block" in name for name in VidToMe(own).processors(run))


def test_numbers_out_of_range_are_errors_of_use(own: str) -> None:
    for name in ("local_ratio", "global_ratio"):
        with pytest.raises(UseError, match=rf"{name} is a share of tokens in \[0, 1\], got 1.5"):
            VidToMe(own, **{name: 1.5})
    with pytest.raises(UseError, match="chunk_size is a number of frames, at least 1, got 0"):
        VidToMe(own, chunk_size=0)
    with pytest.raises(UseError, match=r"max_downsampling 0: .* has self-attention over tokens that are 1 or 2 latent"):
        VidToMe(own, max_downsampling=0)
