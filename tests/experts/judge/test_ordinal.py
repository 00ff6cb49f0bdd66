"""Grades from conditional probabilities, by hand."""

import pytest
import torch

from veggie_pl.experts.judge.ordinal import expected_grade


@pytest.mark.parametrize(
    ("logits", "grade"),
    [([-99.0, 0.0, 99.0], 1.0), ([99.0, 99.0, 99.0], 4.0), ([99.0, -99.0, 99.0], 2.0), ([0.0, 99.0, -99.0], 2.0)],
)
def test_grades_are_expected_values(logits: list[float], grade: float) -> None:
    assert expected_grade(torch.tensor(logits)).item() == pytest.approx(grade, abs=1e-6)


def test_probabilities_of_grades_sum_to_the_expectation() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.5, -0.2]])
    above = torch.sigmoid(logits).cumprod(-1)
    bounds = torch.cat([torch.ones(2, 1), above, torch.zeros(2, 1)], 1)
    grades = ((bounds[:, :-1] - bounds[:, 1:]) * torch.arange(1.0, 5.0)).sum(1)
    torch.testing.assert_close(expected_grade(logits), grades)
