import pytest
import torch

from veggie_pl.experts.detections import Detections
from veggie_pl.metrics.functional import addition_success, detection_score

LEFT = (0.0, 0.0, 0.5, 1.0)
NOTHING = Detections(torch.zeros(0, 4), torch.zeros(0))


def at(*found: tuple[float, float, float]) -> Detections:
    """Boxes of a fifth of the image around (x, y), with a score."""
    boxes = [[x - 0.1, y - 0.1, x + 0.1, y + 0.1] for x, y, _ in found]
    return Detections(torch.tensor(boxes), torch.tensor([score for *_, score in found]))


def test_detection_score_is_the_mean_over_frames_of_the_best_score() -> None:
    frames = [at((0.5, 0.5, 0.2), (0.2, 0.2, 0.9)), NOTHING, at((0.5, 0.5, 0.3))]
    assert detection_score(frames).item() == pytest.approx(100 * (0.9 + 0 + 0.3) / 3, abs=1e-5)
    assert detection_score([NOTHING, NOTHING]) == 0.0


def test_addition_success_needs_half_of_the_frames() -> None:
    right, wrong = at((0.3, 0.5, 0.9)), at((0.8, 0.5, 0.9))
    assert addition_success([right, right, wrong, NOTHING], LEFT) == 1.0
    assert addition_success([right, wrong, wrong, NOTHING], LEFT) == 0.0
    assert addition_success([right, right, wrong], LEFT, min_frames=0.7) == 0.0


def test_addition_success_needs_a_sure_detection() -> None:
    assert addition_success([at((0.3, 0.5, 0.36))], LEFT) == 1.0
    assert addition_success([at((0.3, 0.5, 0.34))], LEFT) == 0.0
    assert addition_success([at((0.3, 0.5, 0.34))], LEFT, score_threshold=0.3) == 1.0


def test_addition_success_looks_at_the_best_detection_only() -> None:
    assert addition_success([at((0.3, 0.5, 0.6), (0.8, 0.5, 0.9))], LEFT) == 0.0
    assert addition_success([at((0.3, 0.5, 0.9), (0.8, 0.5, 0.6))], LEFT) == 1.0


@pytest.mark.parametrize(
    ("x", "y", "right"), [(0.3, 0.3, True), (0.55, 0.3, False), (0.3, 0.55, False), (0.45, 0.4, True)]
)
def test_addition_success_is_about_the_centre_on_both_axes(x: float, y: float, right: bool) -> None:
    assert addition_success([at((x, y, 0.9))], (0.2, 0.2, 0.5, 0.5)) == float(right)
