from itertools import pairwise

import pytest
import torch

from veggie_pl.inference.windows import cross_fade, windows


@pytest.mark.parametrize("num_frames", [1, 5, 8, 9, 15, 16, 100])
@pytest.mark.parametrize("overlap", [0, 2, 7])
def test_windows_cover_all_frames_and_overlap(num_frames: int, overlap: int) -> None:
    places = windows(num_frames, 8, overlap)
    assert sorted({frame for place in places for frame in place}) == list(range(num_frames))
    assert {len(place) for place in places} == {min(8, num_frames)}
    for one, two in pairwise(places):
        assert one.stop - two.start >= overlap
        assert two.start > one.start


def test_impossible_windows_are_errors() -> None:
    for arguments in [(0, 8, 2), (5, 8, 8), (5, 8, -1)]:
        with pytest.raises(ValueError, match="frames"):
            windows(*arguments)


@pytest.mark.parametrize("num_frames", [1, 8, 9, 15, 50])
def test_windows_that_agree_join_without_a_seam(num_frames: int) -> None:
    clip = torch.rand(num_frames, 3, 4, 4)
    pieces = list(cross_fade((place, clip[place.start : place.stop]) for place in windows(num_frames, 8, 2)))
    assert [frame for place, _ in pieces for frame in place] == list(range(num_frames))
    assert torch.allclose(torch.cat([piece for _, piece in pieces]), clip, atol=1e-6)


def test_fade_is_linear() -> None:
    parts = [(range(0, 4), torch.zeros(4, 3, 1, 1)), (range(2, 6), torch.ones(4, 3, 1, 1))]
    joined = torch.cat([piece for _, piece in cross_fade(parts)])
    assert torch.allclose(joined[:, 0, 0, 0], torch.tensor([0, 0, 1 / 3, 2 / 3, 1, 1]))


def test_frames_are_given_out_as_soon_as_they_are_final() -> None:
    seen: list[int] = []

    def parts():
        for number, place in enumerate(windows(30, 8, 2)):
            seen.append(number)
            yield place, torch.zeros(8, 3, 1, 1)

    place, _ = next(cross_fade(parts()))
    assert seen == [0, 1]
    assert place.start == 0
