import numpy as np
import pytest

from veggie_pl.data.shapes.outlines import area, coverage, signed_distance
from veggie_pl.data.shapes.scene import REACH, Thing, make_motion
from veggie_pl.data.shapes.vocabulary import LARGE


@pytest.mark.parametrize("shape", LARGE.shapes)
@pytest.mark.parametrize("size", [32, 64])
def test_coverage_sums_to_the_area(shape: str, size: int) -> None:
    for start in ((0.5, 0.5), (0.413, 0.377), (0.61, 0.58)):
        thing = Thing(shape, "red", "plain", "large", start=start)
        total = coverage(thing, size, 1)[0].sum()
        # Corners are rounded by half a pixel of distance; small in the square, largest in the star.
        assert total == pytest.approx(area(shape) * (thing.radius * size) ** 2, rel=0.06 * 32 / size)


@pytest.mark.parametrize("shape", LARGE.shapes)
def test_coverage_has_soft_edges_and_moves_with_the_centre(shape: str) -> None:
    cover = coverage(Thing(shape, "red", "plain", "large"), 32, 1)[0]
    assert ((cover > 0.05) & (cover < 0.95)).sum() > 8
    shifted = coverage(Thing(shape, "red", "plain", "large", start=(0.5 + 1 / 32, 0.5)), 32, 1)[0]
    assert shifted.sum() == pytest.approx(cover.sum(), rel=1e-4)


@pytest.mark.parametrize("shape", LARGE.shapes)
def test_reach_bounds_the_outline(shape: str) -> None:
    axis = np.linspace(-1.5, 1.5, 601, dtype=np.float32)
    inside = signed_distance(shape, axis[None], axis[:, None], 1.0) < 0
    farthest = max(np.abs(axis[inside.any(0)]).max(), np.abs(axis[inside.any(1)]).max())
    assert farthest <= REACH[shape] + 1e-6
    assert farthest > 0.9 * REACH[shape]
    assert inside.sum() * 0.005**2 == pytest.approx(area(shape), rel=0.02)


def test_coverage_window_holds_the_whole_way() -> None:
    thing = Thing("circle", "red", "plain", "small", make_motion("right", "fast"), (0.2, 0.5))
    cover, (rows, columns) = coverage(thing, 32, 8)
    assert cover.shape == (8, rows.stop - rows.start, columns.stop - columns.start)
    totals = cover.sum((1, 2))
    assert totals == pytest.approx(np.full(8, totals[0]), rel=0.03)


def test_signed_distance_unknown_shape_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'blob'; the choices are circle"):
        signed_distance("blob", np.zeros(1), np.zeros(1), 1.0)
