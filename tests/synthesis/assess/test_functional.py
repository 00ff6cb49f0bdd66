"""Measures of clips: each by a case worked by hand."""

import numpy as np
import pytest
from support.stills import textured

from veggie_pl.synthesis.assess.functional import (
    change_shares,
    edge_agreement,
    edit_strengths,
    flow_gaps,
    is_black,
    lost_shares,
    motion,
    moves,
)
from veggie_pl.synthesis.flow import to_first

WIDE = textured(64, 100)
CLIP = np.stack([WIDE[:, 3 * t : 80 + 3 * t] for t in range(4)])


def test_black_is_98_percent_below_32() -> None:
    frames = np.zeros((3, 10, 10, 3), np.uint8)
    frames[0] = 31
    frames[1, :2, 0] = 255
    frames[2, :3, 0] = 255
    assert is_black(frames).tolist() == [True, True, False]


def test_what_stands_still_does_not_move() -> None:
    frames = CLIP[[0, 0, 1, 1]]
    assert moves(frames).tolist() == [False, True, False]
    nowhere = np.zeros(frames.shape[:3], bool)
    assert not moves(frames, nowhere).any()
    assert moves(CLIP[:1]).tolist() == []


def test_motion_is_in_sides_per_frame() -> None:
    flows = np.zeros((2, 20, 40, 2), np.float32)
    flows[0, ..., 0], flows[0, ..., 1] = 3, 4
    assert motion(flows) == pytest.approx(5 / 40 / 2)
    assert motion(flows[:0]) == 0


def test_pixels_that_do_not_come_from_the_first_frame_are_lost() -> None:
    back = to_first(CLIP)
    assert lost_shares(CLIP, back).max() < 0.2
    cut = CLIP.copy()
    cut[2] = 255 - cut[2]
    lost = lost_shares(cut, to_first(cut))
    assert lost[1] > 0.5 > lost[0]


def test_flow_gap_is_over_the_pixels_that_count() -> None:
    one = np.zeros((2, 10, 20, 2), np.float32)
    other = one.copy()
    other[:, :, 10:, 0] = 4
    left = np.zeros((2, 10, 20), bool)
    left[0, :, :10] = True
    assert flow_gaps(one, other, left)[0] == 0
    assert np.isnan(flow_gaps(one, other, left)[1])
    assert flow_gaps(one, other, ~left).tolist() == pytest.approx([4 / 20, 2 / 20])


def test_edit_is_as_strong_as_in_the_pictures() -> None:
    source, edited = np.zeros((3, 8, 8, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8)
    edited[0], edited[1] = 100, 25
    pictures = (source[0], edited[0])
    assert edit_strengths(source, edited, pictures).tolist() == [1, 0.25, 0]
    assert np.isnan(edit_strengths(source, edited, (source[0], source[0]))).all()


def test_change_is_counted_against_the_first_frame() -> None:
    change = np.zeros((3, 10, 10), bool)
    change[0, :2], change[1, :5] = True, True
    assert change_shares(change).tolist() == [1, 2.5, 0]
    assert np.isnan(change_shares(change[2:])).all()


def test_edges_agree_whatever_the_colours_and_not_when_shifted() -> None:
    found = edge_agreement(CLIP[[0, 0, 0]], np.stack([255 - CLIP[0], CLIP[2], np.zeros_like(CLIP[0])]))
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[1] < 0.5
    assert found[2] == 0
