import math
from dataclasses import replace

import pytest
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.scoring.page.published import read_published
from veggie_pl.scoring.page.results import glances, groups, overall
from veggie_pl.scoring.ranking import named

GROUND, REMOVE = Skill.GROUNDING, Skill.REMOVAL
OURS = report(
    "ours",
    [
        sample("r0", REMOVE, values={"success": 100.0, "psnr": 20.0}),
        sample("r1", REMOVE, values={"success": 0.0, "psnr": 0.0}, state="missing"),
        sample("g0", GROUND, values={"miou": 40.0}),
    ],
)
COPY = report("copy", [sample("r0", REMOVE, values={"success": 0.0, "psnr": 30.0})])
BOTH = named([OURS, COPY])


def test_table_has_a_row_per_measure_and_a_cell_per_method() -> None:
    ground, remove = sorted(groups(BOTH, ()), key=lambda one: one.skill)
    assert [line.metric for line in remove.lines] == ["success", "psnr"]
    ours, copy = remove.lines[0].cells
    assert (ours.value, ours.interval, ours.without, ours.n) == ("50.00", "44.00 to 56.00", "100.00", 2)
    assert (copy.value, copy.without) == ("0.00", "0.00")
    assert [cell.is_best for cell in remove.lines[0].cells] == [True, False]
    assert [cell.is_best for cell in remove.lines[1].cells] == [False, True]
    assert [cell.value for cell in ground.lines[0].cells] == ["40.00", "-"]
    assert not ground.lines[0].cells[0].is_best  # nothing to be better than


def test_less_is_better_marks_the_least() -> None:
    made = named([report(name, [sample("k", values={"error": value})]) for name, value in (("a", 3.0), ("b", 2.0))])
    (group,) = groups(made, ())
    assert [cell.is_best for cell in group.lines[0].cells] == [False, True]


def test_skills_come_in_their_order_with_what_is_published_of_them() -> None:
    found = groups(BOTH, read_published())
    assert [one.skill for one in found] == [REMOVE, GROUND]
    assert {row.measure for row in found[0].published} == {"MLLM judge", "detection"}
    plain = groups(BOTH, ())
    assert [one.lines for one in found] == [one.lines for one in plain]  # in none of our numbers


def test_tracks_of_percent_run_from_0_to_100() -> None:
    (remove, _) = glances(BOTH)
    ours, copy = remove.tracks
    assert (ours.at, ours.low, ours.high) == (50.0, 44.0, 56.0)
    assert (copy.at, copy.low, copy.high) == (0.0, 0.0, 6.0)


def test_other_tracks_run_over_all_intervals() -> None:
    made = [
        replace(one, results=(replace(one.results[1], low=10.0, high=high),))
        for one, high in ((OURS, 40.0), (COPY, 50.0))
    ]
    (glance,) = glances(named(made))
    assert [(track.at, track.low, track.high) for track in glance.tracks] == [(20.0, 20.0, 80.0), (60.0, 20.0, 100.0)]


def test_tracks_without_interval_are_points() -> None:
    nothing = replace(OURS.results[0], low=math.nan, high=math.nan)
    (glance,) = glances({"ours": replace(OURS, results=(nothing,))})
    assert (glance.tracks[0].at, glance.tracks[0].low, glance.tracks[0].high) == (50.0, 50.0, 50.0)


def test_overall_is_the_score_where_headlines_are_its_own() -> None:
    assert overall(BOTH) == ["45.00", "0.00"]
    judged = report("judged", [sample("k", values={"judge": 7.0})])
    assert overall({"judged": judged}) == ["-"]


@pytest.mark.parametrize("value", [math.nan, 0.0])
def test_a_scale_of_nothing_is_no_error(value: float) -> None:
    made = report("a", [sample("k", values={"psnr": value, "clip": 1.0})])
    flat = replace(made, results=tuple(replace(one, low=value, high=value, value=0.0) for one in made.results[:1]))
    assert glances({"a": flat})[0].tracks[0].at == 0.0
