import math

import pytest

from veggie_pl.batch import Skill
from veggie_pl.metrics.intervals import wilson
from veggie_pl.metrics.report import Report, Result, SampleScore
from veggie_pl.metrics.written import written_table


def sample(skill: Skill, index: int, kind: str, value: float) -> SampleScore:
    metric = "miou" if skill.is_painted else "success"
    return SampleScore(f"{skill}/{index}", skill, index, "said", {metric: value, "ssim": 1.0}, notes={"wording": kind})


def report(*samples: SampleScore) -> Report:
    results = tuple(
        Result(skill, metric, value, 0.0, 100.0, 200, "%")
        for skill, metric, value in ((Skill.REMOVAL, "success", 80.0), (Skill.GROUNDING, "miou", 60.0))
    )
    return Report("nano", "2026-11-27", {"interval": 0}, {}, results, written=samples)


def test_rows_by_kind_and_by_skill_beside_the_held_out_score_of_the_same_skills() -> None:
    grid = written_table(
        report(
            sample(Skill.REMOVAL, 0, "polite", 100.0),
            sample(Skill.REMOVAL, 1, "polite", 0.0),
            sample(Skill.REMOVAL, 2, "typos", 100.0),
            sample(Skill.GROUNDING, 0, "polite", 40.0),
            sample(Skill.GROUNDING, 1, "typos", math.nan),
        )
    )
    assert grid is not None
    cells = {row[:2]: row[2:] for row in grid.rows}
    assert list(cells) == [
        ("polite", "all"),
        ("typos", "all"),
        ("all", "Concept Removal"),
        ("all", "Object Grounding"),
        ("all", "all"),
    ]
    score, _, beside, part, n = cells["polite", "all"]
    assert (score, n) == ("46.67", "3")
    assert beside == f"{(80 + 80 + 60) / 3:.2f}"
    assert part == f"{100 * (140 / 3) / (220 / 3):.2f} %"
    low, high = wilson(2, 3)
    assert cells["all", "Concept Removal"][1] == f"[{100 * low:6.2f}, {100 * high:6.2f}]"
    assert cells["typos", "all"] == ("100.00", "-", "80.00", "125.00 %", "1")  # NaN is left out, one has no interval


@pytest.mark.parametrize("samples", [(), (sample(Skill.REMOVAL, 0, "polite", math.nan),)])
def test_no_table_of_nothing(samples: tuple[SampleScore, ...]) -> None:
    assert written_table(report(*samples)) is None
