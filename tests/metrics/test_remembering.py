import torch
from support.metric_batches import RedDetector, batch_of
from torch import Tensor

from veggie_pl.batch import Skill
from veggie_pl.experts.detections import Detections
from veggie_pl.metrics import skill_metrics
from veggie_pl.metrics.remembering import RememberingDetector


class Counting(RedDetector):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def detect(self, frames: Tensor, phrase: str) -> list[Detections]:
        self.questions.append(phrase)
        return super().detect(frames, phrase)


def test_remembering_detector_asks_once_for_equal_pixels_and_phrase() -> None:
    counting, clip = Counting(), batch_of(Skill.ADDITION, 1).target[0]
    detector = RememberingDetector(counting)
    first = detector.detect(clip, "red box")
    assert detector.detect(clip.clone(), "red box") is first
    assert counting.questions == ["red box"]
    detector.detect(clip, "red disk")
    assert detector.detect(torch.zeros_like(clip), "red box")[0].scores.numel() == 0
    assert counting.questions == ["red box", "red disk", "red box"]


def test_remembering_detector_tells_shapes_apart() -> None:
    counting = Counting()
    detector = RememberingDetector(counting)
    assert len(detector.detect(torch.zeros(2, 3, 4, 4), "x")) == 2
    assert len(detector.detect(torch.zeros(1, 3, 8, 4), "x")) == 1


def test_remembering_detector_forgets_the_oldest() -> None:
    counting = Counting()
    detector = RememberingDetector(counting, num_clips=2)
    for phrase in ("a", "b", "c", "b", "a"):
        detector.detect(torch.zeros(1, 3, 4, 4), phrase)
    assert counting.questions == ["a", "b", "c", "a"]


def test_skill_metrics_of_addition_look_once() -> None:
    counting, batch = Counting(), batch_of(Skill.ADDITION)
    skill_metrics(Skill.ADDITION, counting).update(batch.target, batch)
    assert len(counting.questions) == 16
