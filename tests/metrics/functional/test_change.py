import pytest
import torch

from veggie_pl.metrics.functional import changed_share, has_changed, region_of_change


def test_share_of_changed_pixels_by_hand() -> None:
    change = torch.zeros(2, 2, 10, 10, dtype=torch.bool)
    change[0, 0, :5] = True
    assert changed_share(change).tolist() == [0.25, 0.0]


def test_anything_changed_from_a_thousandth_of_the_pixels_on() -> None:
    change = torch.zeros(2, 1, 40, 50, dtype=torch.bool)
    change[0, 0, 0, 0] = True
    change[1, 0, 0, :2] = True
    assert has_changed(change).tolist() == [0.0, 1.0]


def test_region_of_change_is_the_largest_patch_and_its_edge() -> None:
    change = torch.zeros(1, 20, 20, dtype=torch.bool)
    change[0, 5:9, 5:9] = True
    change[0, 15, 15] = True  # damage apart from it
    region = region_of_change(change)
    expected = torch.zeros(1, 20, 20, dtype=torch.bool)
    expected[0, 5:9, 5:9] = True
    expected[0, 4, 5:9] = expected[0, 9, 5:9] = expected[0, 5:9, 4] = expected[0, 5:9, 9] = True
    assert torch.equal(region, expected)


def test_region_of_change_is_looked_for_in_each_frame() -> None:
    change = torch.zeros(3, 20, 20, dtype=torch.bool)
    change[0, :4, :4] = change[2, 10:14, 10:14] = True
    assert region_of_change(change).flatten(1).any(1).tolist() == [True, False, True]


@pytest.mark.parametrize(("rows", "found"), [(14, True), (16, False)])
def test_change_of_nearly_all_of_a_frame_is_no_region(rows: int, found: bool) -> None:
    change = torch.zeros(3, 20, 20, dtype=torch.bool)
    change[1, :rows] = True  # and a row more: 15 of 20 are three quarters
    assert region_of_change(change).flatten(1).any(1).tolist() == [False, found, False]
