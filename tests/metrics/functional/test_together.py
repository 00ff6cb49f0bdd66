import math

import pytest
import torch

from veggie_pl.metrics.functional import geometric_mean


def test_geometric_mean_by_hand() -> None:
    axes = [torch.tensor([0.5, 0.0, 1.0]), torch.tensor([0.8, 1.0, 1.0])]
    expected = [(0.5**2 * 0.8) ** (1 / 3), 0.0, 1.0]
    assert geometric_mean(axes, [2.0, 1.0]).tolist() == pytest.approx(expected)


def test_undefined_axis_is_left_out_of_its_sample() -> None:
    axes = [torch.tensor([0.5, math.nan]), torch.tensor([math.nan, math.nan])]
    mean = geometric_mean(axes, [2.0, 1.0])
    assert mean[0].item() == pytest.approx(0.5)
    assert mean[1].isnan()
