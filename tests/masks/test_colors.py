import pytest
import torch

from veggie_pl.masks.colors import COLORS, check_fills, check_opacity, fill_color


def test_fills_are_corners_of_the_rgb_cube() -> None:
    """No corner lies between two points of the cube: a fill never looks like less of another fill."""
    assert len(set(COLORS.values())) == len(COLORS)
    for color in COLORS.values():
        assert {abs(channel) for channel in color} == {1.0}


def test_fill_color_is_made_for_the_clip() -> None:
    color = fill_color("yellow", torch.zeros(1, dtype=torch.float64))
    assert color.dtype == torch.float64
    assert color.flatten().tolist() == [1, 1, -1]
    with pytest.raises(ValueError, match="unknown fill colour 'pink'; the choices are red"):
        fill_color("pink", torch.zeros(1))


def test_checks_name_what_is_wrong() -> None:
    check_fills(["red", "blue"], 2)
    check_opacity(1.0)
    with pytest.raises(ValueError, match=r"2 objects need as many fill colours.*\['red', 'red'\]"):
        check_fills(["red", "red"], 2)
    with pytest.raises(ValueError, match=r"got -0\.1"):
        check_opacity(-0.1)
