"""Trajectories: straight where nothing moves, along what moves, ended where it is hidden or leaves the picture."""

import torch
from torch import Tensor

from veggie_pl.experts.flow import dense_flow
from veggie_pl.methods.trajectories import follow
from veggie_pl.seeding import torch_rng

SIZE = (4, 5)


def moving(x: float, y: float, pairs: int = 2) -> Tensor:
    """Flow of all pixels alike, in pixels of which a token has two."""
    return torch.tensor([2.0 * x, 2.0 * y]).view(1, 2, 1, 1).expand(pairs, 2, 8, 10).contiguous()


def number(y: int, x: int) -> int:
    return y * SIZE[1] + x


def test_without_motion_they_are_straight() -> None:
    paths = follow(moving(0, 0), SIZE)
    assert paths.known.all()
    assert torch.equal(paths.places, torch.arange(20).view(1, 20, 1).expand(3, 20, 3))
    assert torch.equal(follow(moving(0.4, -0.4), SIZE).places, paths.places)  # less than half a token


def test_they_follow_motion_and_end_at_the_border() -> None:
    paths = follow(moving(1, 1), SIZE)
    token = number(1, 1)
    assert paths.places[1, token].tolist() == [number(0, 0), token, number(2, 2)]
    assert paths.known[1, token].all()
    last = number(3, 4)  # leaves the picture
    assert paths.known[0, last].tolist() == [True, False, False]
    first = number(0, 0)  # comes into it
    assert paths.known[2, first].tolist() == [False, False, True]
    assert paths.places[2, first, 2] == first


def test_every_token_is_on_one_path_that_knows_it() -> None:
    flow = 6 * torch.randn(3, 2, 8, 10, generator=torch_rng("flow"))
    paths = follow(flow, SIZE)
    assert not paths.known.all()
    for frame in range(4):
        assert paths.known[frame, :, frame].all()
        assert torch.equal(paths.places[frame, :, frame], torch.arange(20))
        for other in range(4):
            known = paths.known[frame, :, other]
            back = paths.places[other, paths.places[frame, known, other], frame]
            assert torch.equal(back, torch.arange(20)[known])  # no two paths share a token
    assert (paths.places[~paths.known] == 0).all()


def test_of_those_that_meet_one_goes_on_and_the_other_is_hidden() -> None:
    flow = torch.zeros(1, 2, *SIZE)
    flow[0, 0, 1, 0] = 1.2  # to the token beside it, which stays, and ends a fifth of a token off its middle
    paths = follow(flow, SIZE)
    hider, hidden = number(1, 1), number(1, 0)
    assert paths.known[0, hider].all()
    assert paths.known[0, hidden].tolist() == [True, False]
    assert paths.known[1, hidden].tolist() == [False, True]  # what it uncovers begins a path
    flow[0, 0, 1, 1] = 0.4  # now it is the one that stays that is further off
    assert follow(flow, SIZE).known[0, hidden].all()
    assert not follow(flow, SIZE).known[0, hider].all()


def test_flow_of_a_moving_picture_is_followed() -> None:
    rough = torch.rand(1, 3, 24, 24, generator=torch_rng("picture"))
    picture = torch.nn.functional.interpolate(rough, (96, 96), mode="bicubic").clamp(0, 1)[0] * 2 - 1
    clip = torch.stack([picture[:, 16 : 16 + 64, 24 - 4 * i : 24 - 4 * i + 64] for i in range(3)])
    paths = follow(dense_flow(clip), (16, 16))
    inner = [y * 16 + x for y in range(3, 13) for x in range(3, 11)]
    expected = torch.tensor([[token, token + 1, token + 2] for token in inner])
    assert (paths.places[0, inner] == expected).float().mean() > 0.9


def test_one_frame_is_on_paths_of_its_own() -> None:
    paths = follow(torch.zeros(0, 2, 8, 10), SIZE)
    assert paths.known.shape == (1, 20, 1)
    assert paths.known.all()
