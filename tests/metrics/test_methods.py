"""The two ends of every scale: doing nothing, and the exact answer."""

from dataclasses import replace

import pytest
from support.parts import tiny_module

from veggie_pl.batch import Batch, Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillScores, SkillTable
from veggie_pl.metrics.methods import CopySource, Method, MethodModule, Oracle
from veggie_pl.models import PixelCodec


def held_out(skill: Skill, count: int = 6) -> Batch:
    stream = ShapesBenchmark("test", num_frames=4).streams()[skill]
    return collate([(i, stream[i]) for i in range(count)])


def scores(method: Method, skill: Skill) -> dict[str, float]:
    batch = held_out(skill)
    scores = SkillScores(SkillTable(ShapeDetector(), aspects=["answer"]).of_skill(skill))
    scores.update(MethodModule(method).test_step(batch, 0)["edited"], batch)
    return {name: float(value) for name, value in scores.compute().items()}


@pytest.mark.parametrize("skill", Skill)
def test_exact_answer_scores_highest_and_the_source_lowest(skill: Skill) -> None:
    best, worst = scores(Oracle(PixelCodec()), skill), scores(CopySource(), skill)
    name = "miou" if skill.is_painted else "success"
    assert best[name] == 100
    assert worst[name] == 0
    if "detection" in best:
        assert best["detection"] > 90
        assert worst["detection"] < 20


def test_oracle_without_targets_is_an_error_of_use() -> None:
    with pytest.raises(UseError, match=r"the oracle needs targets, but shapes/test/0/removal/0 has none"):
        Oracle(PixelCodec()).edit_batch(replace(held_out(Skill.REMOVAL, 1), target=None))


def test_methods_are_one_interface() -> None:
    for method in (CopySource(), Oracle(PixelCodec()), tiny_module()):
        assert isinstance(method, Method)
