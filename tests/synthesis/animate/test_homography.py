"""Views: an identity is exact, rounding is what JSON keeps."""

import json

import numpy as np
from support.stills import textured

from veggie_pl.synthesis.animate.homography import as_numbers, in_pixels, through, warp


def test_identity_gives_the_pixels_themselves() -> None:
    picture = textured()
    assert np.array_equal(through(picture, as_numbers([np.eye(3)]))[0], picture)
    assert np.allclose(in_pixels(np.eye(3), 48, 64), np.eye(3))


def test_mirrored_view_is_the_mirror_image() -> None:
    picture = textured()
    mirror = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    assert np.array_equal(warp(picture, mirror), picture[:, ::-1])


def test_numbers_survive_json() -> None:
    views = as_numbers([np.eye(3) / 3, np.full((3, 3), np.pi)])
    assert [tuple(view) for view in json.loads(json.dumps(views))] == list(views)
