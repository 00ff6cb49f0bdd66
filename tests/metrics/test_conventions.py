"""The conventions of docs/EVALUATION.md, each as a case worked by hand."""

import math

import pytest
import torch
from support.foreseeable import ColorExpert, Moody
from support.metric_batches import RedDetector, batch_of
from torch import Tensor

from veggie_pl.batch import Batch, Skill
from veggie_pl.errors import UseError
from veggie_pl.masks.paint import paint
from veggie_pl.metrics import SkillScores, SkillTable
from veggie_pl.metrics.skills import ASPECTS
from veggie_pl.scoring.fit import Shape, check_fit
from veggie_pl.scoring.worst import worst_values

REGION = SkillTable(aspects=["answer", "region"])


def clips(target: list[list[int]], found: list[list[int]]) -> tuple[Tensor, Batch]:
    """Clips of frames of 32 x 32 pixels, of which the first rows are the object, and the first ones are found.

    Args:
        target: Rows of 32 pixels that the object has, by clip and frame.
        found: Rows that the output points at.
    """
    batch = batch_of(Skill.GROUNDING, len(target), len(target[0]), 32)
    batch.mask[:] = False
    pointed = batch.mask.clone()
    for mask, rows in ((batch.mask, target), (pointed, found)):
        for i, clip in enumerate(rows):
            for j, height in enumerate(clip):
                mask[i, j, :height] = True
    painted = [paint(*clip) for clip in zip(batch.source, pointed, batch.fill, strict=True)]
    return torch.stack(painted), batch


def means(target: list[list[int]], found: list[list[int]]) -> dict[str, float]:
    edited, batch = clips(target, found)
    scores = SkillScores(REGION.of_skill(Skill.GROUNDING))
    scores.update(edited, batch)
    return {name: float(value) for name, value in scores.compute().items()}


def test_empty_prediction_and_empty_target_agree() -> None:
    values = means([[0, 0]], [[0, 0]])
    assert [values[name] for name in ("miou", "j", "f", "giou")] == [100.0] * 4
    assert math.isnan(values["ciou"])  # nothing weighs anything


def test_absent_object_that_is_found_all_the_same() -> None:
    values = means([[0, 0], [4, 4]], [[2, 0], [4, 4]])
    assert values["miou"] == (0 + 100) / 2
    assert values["j"] == ((0 + 100) / 2 + 100) / 2
    assert values["ciou"] == pytest.approx(100 * 8 / (8 + 2))


def test_several_objects_are_one_region() -> None:
    edited, batch = clips([[0]], [[0]])
    batch.mask[0, 0, :4, :4] = batch.mask[0, 0, 10:14, 10:14] = True
    one = torch.zeros_like(batch.mask[0])
    one[0, :4, :4] = True
    edited = paint(batch.source[0], one, batch.fill[0])[None]
    assert REGION.of_skill(Skill.GROUNDING)(edited, batch)["miou"].tolist() == [50.0]


def test_frames_without_the_object() -> None:
    values = means([[4, 0, 0, 0]], [[4, 0, 0, 2]])
    assert values["j"] == pytest.approx(100 * (1 + 1 + 1 + 0) / 4)
    assert values["miou"] == pytest.approx(100 * 4 / 6)


def test_per_video_and_pooled() -> None:
    values = means([[1, 1], [9, 9]], [[2, 2], [9, 9]])
    assert values["miou"] == pytest.approx(100 * (1 / 2 + 1) / 2)
    assert values["ciou"] == pytest.approx(100 * (2 + 18) / (4 + 18))
    assert values["jf"] == pytest.approx((values["j"] + values["f"]) / 2)


def test_long_clips_weigh_more_in_giou_only() -> None:
    """Two frames of IoU 1/2 and one of 1: (1/2 + 1/2 + 1) / 3 over frames, (1/2 + 1) / 2 over clips."""
    scores = SkillScores(REGION.of_skill(Skill.GROUNDING))
    for index, (target, found) in enumerate((([[1, 1]], [[2, 2]]), ([[3]], [[3]]))):
        edited, batch = clips(target, found)
        batch.index[:] = index
        scores.update(edited, batch)
    values = scores.compute()
    assert values["giou"].item() == pytest.approx(100 * 2 / 3)
    assert values["j"].item() == pytest.approx(100 * 3 / 4)


@pytest.mark.parametrize(
    ("output", "fits"),
    [
        (Shape(8, 64, 64), True),  # resized
        (Shape(8, 101, 100), True),  # 1 % off
        (Shape(8, 103, 100), False),
        (Shape(24, 32, 32), True),  # as many as the source's file
        (Shape(20, 32, 32, seconds=1.05), True),  # another rate over the same time
        (Shape(20, 32, 32, seconds=1.2), False),
        (Shape(7, 32, 32), False),
    ],
)
def test_sizes_and_frame_counts(output: Shape, fits: bool) -> None:
    assert check_fit(output, Shape(8, 32, 32, native=24, seconds=1.0)).fits is fits


def test_single_pictures_have_neither_motion_nor_consistency() -> None:
    batch = batch_of(Skill.CHANGING, 2, 1)
    expert = ColorExpert()
    row = SkillTable(image_text=expert, features=expert, aspects=["consistency", "motion"]).of_skill(Skill.CHANGING)
    values = row(batch.target, batch)
    assert len(values) == 5
    assert all(column.isnan().all() for column in values.values())


def test_not_defined_is_left_out_and_counted() -> None:
    batch = batch_of(Skill.CHANGING, 4, 2)
    batch.mask[0] = True  # nothing stays
    scores = SkillScores(SkillTable(aspects=["preservation"]).of_skill(Skill.CHANGING))
    scores.update(batch.target, batch)
    summary = scores.summaries(seed=0)["kept_psnr"]
    assert (summary.n, summary.skipped) == (3, 1)


@pytest.mark.parametrize("skill", list(Skill))
def test_missing_outputs_get_the_least_of_each_scale(skill: Skill) -> None:
    expert = ColorExpert()
    row = SkillTable(RedDetector(), expert, expert, judge=Moody()).of_skill(skill)
    batch = batch_of(skill, 3, 2)
    batch.examples = [one._replace(caption="red", source_caption="blue") for one in batch.examples]
    worst = worst_values(row, batch)
    for measure in row.measures:
        if measure.name in worst:
            assert measure.worst is not None
            known = worst[measure.name][~worst[measure.name].isnan()]
            assert (known == measure.worst).all(), measure.name
            if measure.bounds is not None:
                end = measure.bounds[0 if measure.higher_is_better else 1]
                assert math.isinf(end) or measure.worst == end or measure.name in ("smoothness", "identity")
    # nothing that was put out scores less
    for edited in (batch.source, batch.target, batch.source.flip(-1)):
        values_of = row(edited, batch)
        for measure in row.measures:
            name = measure.name
            if name in worst and "ssim" not in name:  # only inverted structure, which is no answer, is less than 0
                sign, values = 1 if measure.higher_is_better else -1, values_of[name]
                known = ~(values.isnan() | worst[name].isnan())
                assert (sign * values[known] >= sign * worst[name][known] - 1e-9).all(), name


def test_missing_output_is_the_worst_overall_where_only_a_judge_knows_the_answer() -> None:
    judge = Moody()
    row = SkillTable(judge=judge, aspects=["judge", "overall"]).of_skill(Skill.CHANGING)
    batch = batch_of(Skill.CHANGING, 2, 2)
    batch.target = None
    values = row(batch.source, batch)
    assert not values["overall"][0].isnan()
    asked = len(judge.questions)
    worst = worst_values(row, batch)
    assert worst["overall"].tolist() == [0.0, 0.0]
    assert worst["judge_follow"].tolist() == [1.0, 1.0]
    assert len(judge.questions) == asked


def test_judge_by_checklist_is_not_asked_about_an_example_without_one() -> None:
    judge = Moody(needs_checklist=True)
    row = SkillTable(judge=judge, aspects=["judge"]).of_skill(Skill.CHANGING)
    batch = batch_of(Skill.CHANGING, 4, 2)
    batch.examples = [one._replace(checklist=("Is it red?",) if i == 2 else ()) for i, one in enumerate(batch.examples)]
    values, notes = row.with_notes(batch.target, batch)
    assert values["judge_follow"].isnan().tolist() == [True, True, False, True]
    assert [question.key for question in judge.questions] == [batch.key[2]]
    assert [bool(note) for note in notes] == [False, False, True, False]  # no failure is counted
    assert worst_values(row, batch)["judge_follow"].isnan().tolist() == [True, True, False, True]


def test_missing_outputs_weigh_as_their_true_regions_in_ciou() -> None:
    edited, batch = clips([[4, 4], [2, 2]], [[4, 4], [2, 2]])
    row = REGION.of_skill(Skill.GROUNDING)
    scores = SkillScores(row)
    there = batch.rows([0])
    scores.add(row(edited[:1], there), there.index)
    missing = batch.rows([1])
    scores.add(worst_values(row, missing), missing.index)
    assert scores.compute()["ciou"].item() == pytest.approx(100 * 8 / (8 + 4))


def test_every_measure_names_its_worst() -> None:
    expert = ColorExpert()
    for skill in Skill:
        for measure in SkillTable(RedDetector(), expert, expert, judge=Moody()).of_skill(skill).measures:
            assert measure.worst is not None, measure.name
            assert measure.aspect in ASPECTS


def test_unknown_aspect_is_refused_with_the_choices() -> None:
    with pytest.raises(UseError, match=r"measures look at no beauty; the aspects are answer, region, text"):
        SkillTable(aspects=["beauty"])


def test_table_with_other_experts_is_the_same_table() -> None:
    table = SkillTable(aspects=["text", "seams"], joins=[4])
    other = table.with_experts(SkillTable(image_text=ColorExpert()).experts)
    assert (other.aspects, other.joins) == (table.aspects, table.joins)
    assert other.experts.image_text is not None
