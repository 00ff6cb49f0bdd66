"""Flow between bytes: a known shift, both ways, and pixels fetched along it."""

import numpy as np
from support.stills import textured

from veggie_pl.synthesis.flow import fetch, from_first, to_first, to_previous

WIDE = textured(64, 100)
CLIP = np.stack([WIDE[:, 3 * t : 80 + 3 * t] for t in range(4)])  # what is seen moves 3 px to the left per frame
INNER = (slice(8, -8), slice(16, -16))


def test_shift_is_found_in_every_direction() -> None:
    for flows, expected in (
        (to_previous(CLIP), [3, 3, 3]),
        (to_first(CLIP), [3, 6, 9]),
        (from_first(CLIP), [-3, -6, -9]),
    ):
        assert flows.shape == (3, 64, 80, 2)
        found = np.median(flows[(slice(None), *INNER)], axis=(1, 2))
        assert np.allclose(found, [[x, 0] for x in expected], atol=0.3)


def test_single_frame_has_no_flow() -> None:
    assert to_previous(CLIP[:1]).shape == to_first(CLIP[:1]).shape == from_first(CLIP[:1]).shape == (0, 64, 80, 2)


def test_fetched_pixels_rebuild_the_frame() -> None:
    rebuilt = fetch(CLIP[0], to_first(CLIP)[1])
    assert np.abs(rebuilt.astype(int) - CLIP[2])[INNER].mean() < 2
    exact = fetch(CLIP[0], np.dstack([np.full((64, 80), 6.0), np.zeros((64, 80))]))
    assert np.array_equal(exact[:, :70], CLIP[2][:, :70])
