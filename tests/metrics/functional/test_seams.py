import math

import pytest
import torch

from veggie_pl.metrics.functional import color_drift, seam_excess, seam_ratio
from veggie_pl.metrics.functional.motion import LEVEL

ERRORS = torch.tensor([0.1, 0.1, 0.1, 0.5, 0.1, 0.1, 0.1])  # of 8 frames, the fifth begins a window
EVEN = torch.full((7,), 0.1)
ALL = torch.ones(20, 8, 8, dtype=torch.bool)


def test_seam_ratio_by_hand() -> None:
    assert seam_ratio(ERRORS, (4,)).item() == pytest.approx((0.5 + LEVEL) / (0.1 + LEVEL))
    assert seam_ratio(EVEN, (4,)).item() == 1.0
    assert seam_ratio(ERRORS, (2,)).item() == 1.0  # the median of the others does not hear of one


def test_excess_forgives_what_the_source_does_at_the_join() -> None:
    assert seam_excess(ERRORS, ERRORS, (4,)).item() == 0.0
    assert seam_excess(ERRORS, EVEN, (4,)).item() == pytest.approx((0.5 + LEVEL) / (0.1 + LEVEL) - 1)
    assert seam_excess(EVEN, ERRORS, (4,)).item() == 0.0
    assert seam_excess(torch.tensor([0.0, 0.9]), torch.tensor([0.1, 0.1]), (2,)).item() == 10.0


def test_seam_without_other_pairs_is_not_defined() -> None:
    assert seam_ratio(torch.tensor([0.1]), (1,)).isnan()


def test_drift_is_the_slope_of_the_difference_to_the_source() -> None:
    source = torch.zeros(20, 3, 8, 8)
    shifted = (source + 0.2).clamp(-1, 1)
    assert color_drift(shifted, source, ALL).item() == pytest.approx(0.0, abs=1e-4)  # another colour, but no drift
    ramp = source + torch.linspace(0, 0.4, 20).view(-1, 1, 1, 1)
    # L of gray 0.5 is 53.4, of gray 0.7 it is 73.0 (CIE 1976): about 19.5 in 19 steps
    assert color_drift(ramp, source, ALL).item() == pytest.approx(100 * 19.5 / 19, abs=3)


def test_drift_is_measured_where_something_stays() -> None:
    source = torch.zeros(20, 3, 8, 8)
    ramp = source + torch.linspace(0, 0.4, 20).view(-1, 1, 1, 1)
    edited = source.clone()
    edited[:, :, :4] = ramp[:, :, :4]
    kept = ALL.clone()
    kept[:, :4] = False
    assert color_drift(edited, source, kept).item() == pytest.approx(0.0, abs=1e-5)
    assert math.isnan(color_drift(edited, source, ~ALL).item())
