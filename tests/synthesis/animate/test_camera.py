"""A moving camera: starts with the picture, shows nothing that is not in it, and moves another picture alike."""

import json
from itertools import pairwise

import numpy as np
import pytest
from support.stills import WORDS, boxed, still_of, textured

from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.animate.camera import Moves, moved, path
from veggie_pl.synthesis.animate.homography import CORNERS
from veggie_pl.synthesis.protocols import Animator

STILL = boxed()


def places(view: np.ndarray, at: np.ndarray) -> np.ndarray:
    seen = np.concatenate([at, np.ones((len(at), 1))], 1) @ view.T
    return np.asarray(seen[:, :2] / seen[:, 2:])


def test_first_frame_is_the_picture_and_the_others_move() -> None:
    animator = CameraAnimator(num_frames=5)
    assert isinstance(animator, Animator)
    for seed in range(6):
        frames = animator.animate(STILL, WORDS, seed).frames
        assert frames.shape == (5, 48, 64, 3)
        assert np.array_equal(frames[0], STILL.source)
        assert all(np.abs(a.astype(int) - b).mean() > 0.5 for a, b in pairwise(frames))


def test_seed_decides_and_nothing_else() -> None:
    one, again, other = (CameraAnimator().animate(STILL, WORDS, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.frames, again.frames)
    assert one.motion == again.motion != other.motion
    assert not np.array_equal(one.frames, other.frames)


def test_motion_as_json_moves_another_picture_in_the_same_way() -> None:
    animation = CameraAnimator().animate(STILL, WORDS, 3)
    motion = json.loads(json.dumps(animation.motion))
    assert np.array_equal(moved(STILL.source, motion), animation.frames)
    edited = moved(STILL.target, motion)
    assert np.array_equal(edited[0], STILL.target)
    assert (edited[-1] != animation.frames[-1]).any()


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_views_stay_inside_the_picture(aspect: float) -> None:
    for views in (
        path(Moves((0.3, -0.2), 1.1, 20.0), np.linspace(0, 1, 9), aspect),
        path(Moves(roll=5.0), np.array([1.0]), 1.0),
    ):
        for view in views:
            seen = places(view, CORNERS)
            assert seen.min() > -1e-9
            assert seen.max() < 1 + 1e-9


def test_edit_stays_in_sight() -> None:
    source = textured(60, 60)
    target = source.copy()
    target[2:14, 2:14] = (220, 20, 30)
    still = still_of(source, target)
    for seed in range(12):
        frames = moved(target, CameraAnimator().animate(still, WORDS, seed).motion)
        red = [int(((frame[..., 0] > 200) & (frame[..., 1] < 60)).sum()) for frame in (frames[0], frames[-1])]
        assert red[1] > 0.8 * red[0]


def test_pan_zoom_and_roll_do_what_they_say() -> None:
    (pan,) = path(Moves(pan=(0.1, 0.0)), np.array([1.0]), 1.0)
    assert np.allclose(places(pan, np.array([[0.5, 0.5]])), [[0.6, 0.5]])
    (half, whole) = path(Moves(zoom=4.0), np.array([0.5, 1.0]), 1.0)
    assert np.allclose(np.diag(half), [0.5, 0.5, 1])
    assert np.allclose(np.diag(whole), [0.25, 0.25, 1])
    (roll,) = path(Moves(zoom=4.0, roll=90.0), np.array([1.0]), 2.0)
    right = places(roll, np.array([[0.6, 0.5]]))[0] - 0.5  # 0.1 widths to the right are 0.2 heights down
    assert np.allclose(right, [0.0, 0.2 / 4])


def test_pan_moves_pixels_by_whole_columns() -> None:
    picture = textured(40, 40)
    motion = {"homographies": [np.eye(3).ravel().tolist(), [1, 0, 0.1, 0, 1, 0, 0, 0, 1]]}
    frames = moved(picture, motion)
    assert np.array_equal(frames[1][:, :36], picture[:, 4:])


def test_pictures_of_any_shape_are_moved() -> None:
    for height, width in ((17, 90), (90, 17)):
        picture = textured(height, width)
        frames = CameraAnimator(3).animate(still_of(picture, picture), WORDS, 0).frames
        assert frames.shape == (3, height, width, 3)


@pytest.mark.parametrize("wrong", [{"num_frames": 1}, {"pan": 0.5}, {"zoom": 0.9}, {"fps": 0.0}, {"roll": -1.0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UseError, match=r"has to be|needs"):
        CameraAnimator(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UseError, match="does not move"):
        CameraAnimator(pan=0.0, zoom=1.0, roll=0.0)


def test_digest_names_parameters() -> None:
    assert CameraAnimator().digest == CameraAnimator().digest
    assert len({CameraAnimator(pan=pan, fps=fps).digest for pan in (0.1, 0.2) for fps in (8.0, 4.0)}) == 4
