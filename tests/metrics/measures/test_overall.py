import pytest
import torch
from support.foreseeable import Moody
from support.metric_batches import RedDetector, batch_of

from veggie_pl.batch import Skill
from veggie_pl.metrics import SkillTable, functional
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.measures import overall
from veggie_pl.metrics.scored import Scored


@pytest.mark.parametrize("skill", list(Skill))
def test_overall_of_the_answer_is_high_and_of_a_copy_low(skill: Skill) -> None:
    batch = batch_of(skill, 3, 3)
    row = SkillTable(aspects=["overall"]).of_skill(skill)
    assert (row(batch.target, batch)["overall"] > 50).all()
    assert (row(batch.source, batch)["overall"] < 20).all()


def test_overall_is_the_geometric_mean_of_its_axes() -> None:
    batch = batch_of(Skill.CHANGING, 3, 3)
    half = batch.source.lerp(batch.target, 0.5)
    scored = Scored(half, batch)
    out, source = scored.warp_errors
    motion = ((10 - functional.warp_ratio(out, source)) / 9).clamp(0.03, 1)
    mean = (0.5**2 * 1 * 1 * motion * overall.quality(scored)) ** (1 / 6)  # changed, and all else was kept
    assert torch.allclose(overall.overall(scored), 100 * (mean - 0.03) / 0.97)


def test_output_that_fails_on_all_axes_scores_nothing() -> None:
    mean = functional.geometric_mean([torch.full((1,), overall.FLOOR)] * 2, [2.0, 1.0])
    assert mean.item() == pytest.approx(overall.FLOOR)


def test_pointing_at_nothing_is_right_where_nothing_is_to_be_found() -> None:
    batch = batch_of(Skill.GROUNDING, 2, 2)
    batch.mask[0] = False
    scored = Scored(batch.source, batch)
    assert overall.change(scored).tolist() == [1.0, 0.0]
    values = overall.overall(scored)
    assert values[0] == pytest.approx(100.0)
    assert values[1] < 20


def test_answer_is_the_first_that_there_is() -> None:
    added = batch_of(Skill.ADDITION, 2, 2)
    found = Scored(added.target, added, Experts(detector=RedDetector(), judge=Moody()))
    assert overall.answer(found).tolist() == pytest.approx([0.8, 0.8])
    changed = batch_of(Skill.CHANGING, 3, 2)
    half = changed.source.lerp(changed.target, 0.5)
    assert overall.answer(Scored(half, changed, Experts(judge=Moody()))).tolist() == pytest.approx([0.5] * 3)
    changed.target = None
    judged = overall.answer(Scored(half, changed, Experts(judge=Moody())))
    assert judged[0].item() == pytest.approx((8 - 1) / (10 - 1))
    assert judged[1].isnan()
    assert overall.overall(Scored(half, changed)).isnan().all()


def test_quality_is_beside_the_source() -> None:
    batch = batch_of(Skill.CHANGING, 2, 2)
    assert overall.quality(Scored(batch.source, batch)).tolist() == [1.0, 1.0]
    flat = batch.source.flatten(0, 1)
    soft = torch.nn.functional.avg_pool2d(flat, 5, 1, padding=2).view(batch.source.shape)
    assert (overall.quality(Scored(soft, batch)) < 0.9).all()


@pytest.mark.parametrize("skill", [Skill.CHANGING, Skill.REASONING])
def test_all_measures_are_the_same_alone_and_beside_others(skill: Skill) -> None:
    batch = batch_of(skill, 9)
    row = SkillTable(RedDetector()).of_skill(skill)
    half = batch.source.lerp(batch.target, 0.7)
    together = row(half, batch)
    for i in range(9):
        for name, values in row(half[i : i + 1], batch.rows([i])).items():
            assert torch.equal(values.nan_to_num(-9), together[name][i : i + 1].nan_to_num(-9)), name
