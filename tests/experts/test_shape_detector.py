import pytest
import torch

from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.render import render
from veggie_pl.data.shapes.scene import Background, Scene, Thing
from veggie_pl.data.shapes.vocabulary import SMALL
from veggie_pl.experts.shape_detector import ShapeDetector

DETECTOR = ShapeDetector()


def best(clip: torch.Tensor, phrase: str) -> float:
    found = DETECTOR.detect(clip, phrase)
    return sum(float(one.scores[0]) if len(one.scores) else 0.0 for one in found) / len(found)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_detector_tells_present_from_absent(noise: float) -> None:
    records = ShapesRecords("val", num_frames=1)
    generator = torch.Generator().manual_seed(0)
    present, absent = [], []
    for i in range(60):
        scene, _ = records.scene(i)
        if not scene.things:
            continue
        clip = render(scene, 32, 1)
        clip = clip + noise * torch.randn(clip.shape, generator=generator)
        thing = scene.things[i % len(scene.things)]
        there = {(other.shape, other.color) for other in scene.things}
        present.append(best(clip, thing.phrase))
        others = [(shape, thing.color) for shape in SMALL.shapes] + [(thing.shape, color) for color in SMALL.colors]
        absent += [best(clip, f"{color} {shape}") for shape, color in others if (shape, color) not in there]
    assert sum(score > 0.7 for score in present) / len(present) > 0.9
    assert sum(score < 0.4 for score in absent) / len(absent) > 0.98


@pytest.mark.parametrize("size", [32, 64])
def test_detector_box_is_around_the_thing(size: int) -> None:
    thing = Thing("square", "blue", "plain", "large", start=(0.3, 0.6))
    clip = render(Scene(Background("beach"), (thing,)), size, 2)
    for found in DETECTOR.detect(clip, "big blue square"):
        half = 0.88 * thing.radius
        expected = torch.tensor([0.3 - half, 0.6 - half, 0.3 + half, 0.6 + half])
        torch.testing.assert_close(found.boxes[0], expected, atol=0.035, rtol=0)
        assert found.scores[0] > 0.7


def test_detector_finds_both_of_two() -> None:
    things = tuple(Thing("star", "red", "plain", "large", start=start) for start in ((0.25, 0.3), (0.75, 0.7)))
    (found,) = DETECTOR.detect(render(Scene(Background("night"), things), 32, 1), "red star")
    assert (found.scores > 0.7).sum() == 2
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_detector_finds_nothing_in_an_empty_scene() -> None:
    for kind in SMALL.backgrounds:
        found = DETECTOR.detect(render(Scene(Background(kind), ()), 32, 2), "blue circle")
        assert [len(one.scores) for one in found] == [0, 0]


def test_detector_phrase_without_a_shape_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'red swan'.*circle, square"):
        DETECTOR.detect(torch.zeros(1, 3, 32, 32), "red swan")
