"""TokenFlow: what defines it, layer by layer and as a whole."""

import pytest
import torch
from diffusers.models.attention_processor import Attention
from support.parts import make_batch
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame, TokenFlow
from veggie_pl.methods.processors import SamplingRun
from veggie_pl.methods.tokenflow import PropagatedAttention, draw_keyframes, nearest, weight_of_own
from veggie_pl.methods.training_free import Sampling
from veggie_pl.models.injection import Injection
from veggie_pl.seeding import torch_rng

OFF = Injection(0.0, 0.0, 0.0, (), ())
STATES = torch.randn(2, 5, 7, 16, generator=torch_rng("states"))  # the source and one branch, 5 frames of 7 tokens


def layer() -> Attention:
    torch.manual_seed(0)
    return Attention(16, heads=2, dim_head=8)


@torch.no_grad()
def made(states: Tensor, batch: int) -> tuple[Tensor, list[int]]:
    """What the layer makes of groups of frames, and its keyframes."""
    run = SamplingRun(states.shape[1], 2, ("run",))
    processor = PropagatedAttention(run, batch)
    out = processor(layer(), states.flatten(0, 1)).view(states.shape)
    return out, run.draw(lambda _: [])


def test_one_keyframe_is_drawn_of_each_batch() -> None:
    rng = torch_rng("keys")
    drawn = [draw_keyframes(11, 4, rng) for _ in range(50)]
    assert {len(keys) for keys in drawn} == {3}
    for place, expected in enumerate((range(4), range(4, 8), range(8, 11))):
        assert {keys[place] for keys in drawn} == {*expected}


def test_weights_are_as_worked_by_hand() -> None:
    middle = 1 / (1 + 2.718281828**-1)  # the sigmoid of 1: nothing to its own, 8 to the other
    assert weight_of_own(12, 8) == pytest.approx(middle)
    assert weight_of_own(8, 8) == pytest.approx(1 / (1 + 2.718281828**-0.5))  # 4 to both
    assert weight_of_own(15, 8) == pytest.approx(1 / (1 + 2.718281828 ** -(11 / 14)))


def test_nearest_is_by_angle_and_not_by_length() -> None:
    keys = torch.tensor([[1.0, 0.0], [0.0, 0.1], [3.0, 3.0]])
    tokens = torch.tensor([[0.0, 5.0], [0.2, 0.2], [9.0, 1.0]])
    assert nearest(tokens, keys).tolist() == [1, 2, 0]


def test_keyframes_attend_to_all_keyframes_and_keep_their_outputs() -> None:
    out, keys = made(STATES, 2)
    assert len(keys) == 3
    attn = layer()
    together = attn(STATES[1, keys].flatten(0, 1)[None]).view(3, 7, 16)
    torch.testing.assert_close(out[1, keys], together, atol=1e-5, rtol=0)
    torch.testing.assert_close(out[0, keys], attn(STATES[0, keys]), atol=1e-5, rtol=0)  # the source's each on its own


def test_where_every_frame_is_a_keyframe_nothing_is_propagated() -> None:
    out, _ = made(STATES, 1)
    expected = layer()(STATES[1].flatten(0, 1)[None]).view(5, 7, 16)
    torch.testing.assert_close(out[1], expected, atol=1e-5, rtol=0)


def test_frames_take_over_what_their_source_shows_in_the_keyframe() -> None:
    """Every frame shows the first one's tokens in another order, so that one keyframe tells all of them."""
    orders = [torch.randperm(7, generator=torch_rng("order", frame)) for frame in range(5)]
    source = torch.stack([STATES[0, 0, order] * (1 + frame) for frame, order in enumerate(orders)])
    out, [key] = made(torch.stack([source, STATES[1]]), 8)
    back = out[1, key, orders[key].argsort()]
    for frame, order in enumerate(orders):
        torch.testing.assert_close(out[1, frame], back[order])


def test_frames_between_two_keyframes_mix_them_by_distance() -> None:
    source = STATES[0, :1].expand(4, 7, 16)  # a still scene: each token's nearest is itself
    out, keys = made(torch.stack([source, STATES[1, :4]]), 2)
    [frame] = {2, 3} - {*keys}
    weight = weight_of_own(frame, 2)
    expected = weight * out[1, keys[1]] + (1 - weight) * out[1, keys[0]]
    torch.testing.assert_close(out[1, frame], expected)


@pytest.mark.parametrize("folder", ["own", "pix2pix"])
def test_one_frame_is_the_image_model(folder: str, request: pytest.FixtureRequest) -> None:
    path, batch = request.getfixturevalue(folder), make_batch(1, 1)
    few = Sampling(num_steps=2)
    found = TokenFlow(path, few, injection=OFF).edit_batch(batch)
    torch.testing.assert_close(found, FrameByFrame(path, few).edit_batch(batch), atol=1e-4, rtol=0)


def test_identical_frames_in_are_identical_out(pix2pix: str) -> None:
    batch = make_batch(1, 5)
    batch.source[:] = batch.source[:, :1]
    same = Sampling(num_steps=2, same_noise=True)
    found = TokenFlow(pix2pix, same, batch=2).edit_batch(batch)
    torch.testing.assert_close(found, found[:, :1].expand_as(found), atol=1e-4, rtol=0)
    plain = FrameByFrame(pix2pix, same).edit_batch(batch)
    found = TokenFlow(pix2pix, same, injection=OFF, batch=2).edit_batch(batch)
    torch.testing.assert_close(found, plain, atol=1e-3, rtol=0)


def test_captions_are_edited_from_the_inverted_source(captioned: str) -> None:
    method = TokenFlow(captioned, Sampling(num_steps=2), inversion_steps=4, batch=2)
    batch = make_batch(1, 3)
    found = method.edit_batch(batch)
    assert found.shape == batch.source.shape
    assert not torch.allclose(found[0, 0], found[0, 1], atol=1e-3)


def test_batch_below_one_is_refused(own: str) -> None:
    with pytest.raises(UseError, match="batch must be 1 or more, got 0"):
        TokenFlow(own, batch=0)
