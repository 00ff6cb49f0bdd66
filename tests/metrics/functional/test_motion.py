import math
from itertools import pairwise

import pytest
import torch
from support.metric_batches import noise
from torch import Tensor

from veggie_pl.experts.flow import dense_flow
from veggie_pl.metrics.functional import temporal_flickering, warp_errors, warp_ratio
from veggie_pl.metrics.functional.motion import LEVEL


def moving(num_frames: int = 4, step: int = 2, pixels: int = 32) -> Tensor:
    """A texture that moves to the right."""
    wide = torch.nn.functional.avg_pool2d(noise(1, 3, pixels, pixels + 40, seed=1), 3, 1)[0]
    side = pixels - 2
    return torch.stack([wide[:, :, 20 - step * i : 20 - step * i + side] for i in range(num_frames)])


def flows_of(clip: Tensor, x: float) -> tuple[Tensor, Tensor]:
    """The same movement in x everywhere."""
    forward = torch.zeros(len(clip) - 1, 2, *clip.shape[-2:])
    forward[:, 0] = x
    return forward, -forward


def test_warp_error_of_what_follows_the_flow_is_nothing() -> None:
    clip = moving()
    assert warp_errors(clip, *flows_of(clip, 2.0)).tolist() == pytest.approx([0.0] * 3, abs=1e-6)
    assert (warp_errors(clip, *flows_of(clip, 0.0)) > 0.05).all()


def test_warp_error_by_hand() -> None:
    clip = torch.zeros(2, 3, 2, 4)
    clip[0, :, :, 0], clip[1, :, :, 1] = 1.0, 0.5
    # x + 1 lies in the frame for columns 0 to 2: |1 - 0.5|, 0, 0 of a range of 2
    assert warp_errors(clip, *flows_of(clip, 1.0)).tolist() == pytest.approx([0.5 / 3 / 2])


def test_warp_error_leaves_out_what_does_not_come_back() -> None:
    clip = torch.zeros(2, 3, 4, 4)
    clip[1, :, 0, 0] = 1.0
    forward, backward = flows_of(clip, 0.0)
    assert warp_errors(clip, forward, backward).item() == pytest.approx(1 / 16 / 2)
    backward[0, 0, 0, 0] = 3.0  # this pixel was hidden before
    assert warp_errors(clip, forward, backward).item() == 0.0


def test_warp_error_where_nothing_is_in_both_frames_is_nan() -> None:
    clip = torch.zeros(2, 3, 4, 4)
    assert warp_errors(clip, *flows_of(clip, 9.0)).isnan().all()


def test_warp_error_of_several_clips_in_parts_is_that_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = moving(5)
    clips = torch.stack([clip, clip.flip(0)])
    together = warp_errors(clips, *flows_of(clip, 1.0))
    monkeypatch.setattr("veggie_pl.metrics.functional.motion._CHUNK", 1)
    for one, errors in zip(clips, together, strict=True):
        assert torch.equal(warp_errors(one, *flows_of(clip, 1.0)), errors)


def test_single_picture_has_no_motion() -> None:
    errors = warp_errors(torch.zeros(1, 3, 4, 4), torch.zeros(0, 2, 4, 4), torch.zeros(0, 2, 4, 4))
    assert errors.shape == (0,)
    assert warp_ratio(errors, errors).isnan()
    assert temporal_flickering(torch.zeros(1, 3, 4, 4)).isnan()


def test_ratio_sees_flicker_and_standing_still_where_the_source_moves() -> None:
    source = moving(6, pixels=64)
    flows = dense_flow(source), dense_flow(source, backward=True)
    flicker = (source + 0.3 * torch.tensor([1.0, -1.0] * 3).view(6, 1, 1, 1)).clamp(-1, 1)
    still = source[:1].expand_as(source)
    own, flickering, frozen = warp_errors(torch.stack([source, flicker, still]), *flows)
    assert warp_ratio(own, own) == 1.0
    assert warp_ratio(flickering, own) > 2
    assert warp_ratio(frozen, own) > 2
    # smoothness of features and VBench's flickering take standing still for perfect
    assert temporal_flickering(still) == 1.0


def test_ratio_by_hand() -> None:
    out, source = torch.tensor([0.1, math.nan, 0.3]), torch.tensor([0.1, math.nan, 0.1])
    assert warp_ratio(out, source).item() == pytest.approx((0.2 + LEVEL) / (0.1 + LEVEL))
    assert warp_ratio(torch.ones(2), torch.zeros(2)) == 10.0


def test_flickering_by_vbenchs_formula() -> None:
    levels = (noise(4, 3, 5, 6, seed=2) * 127.5 + 127.5).round()
    pairs = [float((one - other).abs().mean()) for one, other in pairwise(levels)]
    expected = (255 - sum(pairs) / len(pairs)) / 255
    assert temporal_flickering(levels / 127.5 - 1).item() == pytest.approx(expected, abs=1e-6)
