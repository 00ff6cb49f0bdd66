import math

import pytest
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.page.picks import MAX_SAMPLES, headline, pick


def row(values: list[float], metric: str = "success", skill: Skill = Skill.REMOVAL) -> list[SampleScore]:
    return [sample(f"{skill}/{i}", skill, index=i, values={metric: value}) for i, value in enumerate(values)]


def shown(samples: list[SampleScore]) -> list[tuple[str, int]]:
    (picks,) = pick(report("a", samples)).values()
    return [(one.kind, one.sample.index) for one in picks]


def test_worst_and_best_are_picked_once_each() -> None:
    found = shown(row([50, 10, 90, 30, 70, 20, 80, 60, 40, 0]))
    assert found == [("worst", 9), ("worst", 1), ("worst", 5), ("worst", 3), ("best", 2), ("best", 6)]


def test_few_samples_are_shown_once() -> None:
    assert shown(row([50])) == [("worst", 0)]
    assert shown(row([50, 20, 80])) == [("worst", 1), ("worst", 0), ("best", 2)]


def test_less_is_better_turns_the_order() -> None:
    assert shown(row([5, 1, 9], "error")) == [("worst", 2), ("worst", 0), ("best", 1)]


def test_ties_of_the_headline_are_ordered_by_the_other_measures() -> None:
    others = [(20.0, 30.0), (40.0, 10.0), (10.0, 20.0)]
    samples = [
        sample(f"k{i}", index=i, values={"success": 0.0, "psnr": psnr, "ssim": ssim})
        for i, (psnr, ssim) in enumerate(others)
    ]
    assert shown(samples) == [("worst", 2), ("worst", 1), ("best", 0)]


def test_failed_and_undefined_outputs_are_not_shown() -> None:
    samples = [
        *row([50, math.nan, 70]),
        sample("gone", index=3, values={"success": 0.0}, state="missing", reason="there is no file of its name"),
    ]
    assert shown(samples) == [("worst", 0), ("best", 2)]


def test_all_skills_fit_into_the_budget() -> None:
    samples = [one for skill in Skill for one in row([1, 2, 3, 4, 5], skill=skill)]
    found = pick(report("a", samples))
    assert list(found) == list(Skill)
    assert sum(map(len, found.values())) == MAX_SAMPLES


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        (["psnr", "success"], "success"),
        (["clip", "judge_follow", "judge_quality"], "judge_follow"),
        (["clip", "smoothness"], "clip"),
    ],
)
def test_headline_is_that_of_the_score_then_a_judges_then_the_first(metrics: list[str], chosen: str) -> None:
    made = report("a", [sample("k", values=dict.fromkeys(metrics, 1.0))])
    found = headline(made, Skill.REMOVAL)
    assert found is not None
    assert found.metric == chosen
    assert headline(made, Skill.ADDITION) is None


def test_headline_has_a_number() -> None:
    made = report("a", [sample("k", values={"success": math.nan, "psnr": 3.0})])
    found = headline(made, Skill.REMOVAL)
    assert found is not None
    assert found.metric == "psnr"
