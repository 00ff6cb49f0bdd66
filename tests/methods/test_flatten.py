"""Flatten: dense attention, then along trajectories and nowhere else."""

import pytest
import torch
from diffusers.models.attention_processor import Attention
from support.parts import make_batch

from veggie_pl.methods import Flatten, FrameByFrame
from veggie_pl.methods.flatten import DenseAttention, attend_along
from veggie_pl.methods.processors import SamplingRun
from veggie_pl.methods.training_free import Sampling, Task
from veggie_pl.methods.trajectories import Trajectories, follow
from veggie_pl.models.injection import Injection
from veggie_pl.seeding import torch_rng

OFF = Injection(0.0, 0.0, 0.0, (), ())
STATES = torch.randn(2, 3, 4, 16, generator=torch_rng("states"))  # the source and one branch, 3 frames of 2 x 2
HEADS = torch.randn(1, 3, 2, 4, 8, generator=torch_rng("heads"))
STILL = follow(torch.zeros(2, 2, 4, 4), (2, 2))


def hidden(paths: Trajectories) -> Trajectories:
    """The path of token 3 is not seen in frame 1, where another one begins."""
    known = paths.known.clone()
    known[[0, 2], 3, 1] = False
    known[1, 3, [0, 2]] = False
    return Trajectories(paths.places, known)


def test_frames_attend_to_all_frames_and_those_of_the_source_to_themselves() -> None:
    torch.manual_seed(0)
    attn = Attention(16, heads=2, dim_head=8).requires_grad_(False)
    out = DenseAttention(SamplingRun(3, 2, ("run",)))(attn, STATES.flatten(0, 1)).view(STATES.shape)
    torch.testing.assert_close(out[0], attn(STATES[0]), atol=1e-5, rtol=0)
    expected = attn(STATES[1].flatten(0, 1)[None]).view(3, 4, 16)
    torch.testing.assert_close(out[1], expected, atol=1e-5, rtol=0)


def test_tokens_attend_along_straight_paths_as_worked_by_hand() -> None:
    found = attend_along(HEADS, STILL)
    along = HEADS[0, :, 1, 2]  # (f, d): the second head's third token
    weights = (along @ along.mT / 8**0.5).softmax(-1)
    torch.testing.assert_close(found[0, :, 1, 2], weights @ along)


def test_hidden_tokens_are_not_attended_to() -> None:
    paths = hidden(STILL)
    found = attend_along(HEADS, paths)
    changed = HEADS.clone()
    changed[:, 1, :, 3] += 5
    again = attend_along(changed, paths)
    assert torch.equal(again[:, [0, 2]], found[:, [0, 2]])
    assert torch.equal(found[:, 1, :, 3], HEADS[:, 1, :, 3])  # alone on its path: as it is
    assert not torch.allclose(attend_along(changed, STILL)[:, [0, 2]], attend_along(HEADS, STILL)[:, [0, 2]])


def test_moved_tokens_are_found_where_they_went() -> None:
    """A frame whose tokens moved by one column attends as the still one does to tokens in their old order."""
    flow = torch.zeros(1, 2, 2, 2)
    flow[:, 0, :, 0], flow[:, 0, :, 1] = 1.0, -1.0  # both columns change places
    first = HEADS[:, :1]
    moved = torch.cat([first, first[..., [1, 0, 3, 2], :]], 1)
    found = attend_along(moved, follow(flow, (2, 2)))
    torch.testing.assert_close(found, moved)  # all that a token sees is what it is itself


@pytest.mark.parametrize("folder", ["own", "pix2pix"])
def test_one_frame_is_the_image_model(folder: str, request: pytest.FixtureRequest) -> None:
    path, batch, few = request.getfixturevalue(folder), make_batch(1, 1), Sampling(num_steps=2)
    found = Flatten(path, few, injection=OFF).edit_batch(batch)
    torch.testing.assert_close(found, FrameByFrame(path, few).edit_batch(batch), atol=1e-4, rtol=0)


def test_identical_frames_in_are_identical_out(pix2pix: str) -> None:
    batch = make_batch(1, 3)
    batch.source[:] = batch.source[:, :1]
    same = Sampling(num_steps=2, same_noise=True)
    found = Flatten(pix2pix, same, injection=OFF).edit_batch(batch)
    torch.testing.assert_close(found, FrameByFrame(pix2pix, same).edit_batch(batch), atol=1e-3, rtol=0)


def test_paths_are_followed_at_the_finest_tokens_only(pix2pix: str) -> None:
    method = Flatten(pix2pix)
    source = make_batch(1, 3).source
    task = Task(source, "make it night", "", method.guidance["removal"], "k")
    chosen = method.processors_for(SamplingRun(3, 2, ("run",)), task)
    followed = {name for name, one in chosen.items() if one.paths is not None}
    assert followed
    assert all(name.startswith(("down_blocks.0", "up_blocks")) for name in followed)
    assert followed < {*chosen}
    assert (method.injection.spatial, method.injection.features) == (0.8, 0.8)


def test_captions_are_edited_from_the_inverted_source(captioned: str) -> None:
    method = Flatten(captioned, Sampling(num_steps=2), inversion_steps=4)
    assert Flatten(captioned).inversion_steps == 50
    batch = make_batch(1, 3)
    assert method.edit_batch(batch).isfinite().all()
