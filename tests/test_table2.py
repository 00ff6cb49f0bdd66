"""The page of the table of methods, from reports made by hand."""

import pytest

from benchmarks.table2 import ROWS
from benchmarks.table2_page import EDITING, PAINTED, claims, page, separation, shown
from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result


def report(value: float, half: float = 2.0, stiller: float = 1.0) -> Report:
    rows = []
    for skill in Skill:
        for metric in PAINTED if skill.is_painted else EDITING:
            own = stiller if metric == "warp_ratio" else value
            rows.append(Result(skill, metric, own, own - half, own + half, 9, "%", metric != "warp_ratio"))
    rows.append(Result(Skill.REMOVAL, "psnr", 1.0, 0.0, 2.0, 9, "dB"))
    return Report("m", "2026-01-01T00:00:00+00:00", {"noise": 0}, {"torch": "2"}, tuple(rows))


def test_only_rows_of_the_table_are_shown_and_ranked() -> None:
    assert [row.metric for row in shown(report(50.0)).results if row.skill is Skill.REMOVAL] == list(EDITING)
    text = page({"a": report(60.0), "b": report(40.0), "copy": report(90.0)}, ["copy"], 9)
    assert "| Concept Removal | `success` | **60.0** [58.0, 62.0] | 40.0 [38.0, 42.0] | 90.0 [88.0, 92.0] |" in text
    assert "psnr" not in text
    # 24 of the 38 rows are led by a; the 6 of the warped error are shared
    rows = 6 * len(EDITING) + 2 * len(PAINTED)
    mine = (rows - 6 + 6 * 1.5) / rows
    assert f"ties shared: a {mine:.2f}, b {3 - mine:.2f}." in text


def test_pairs_are_told_apart_by_intervals_that_do_not_meet() -> None:
    near = {"a": shown(report(50.0)), "b": shown(report(53.0)), "c": shown(report(60.0))}
    counts = {line.split("|")[1].strip(): line.split("|")[2:4] for line in separation(near)[2:]}
    assert [int(cell) for cell in counts["`success`"]] == [12, 18]  # a-c and b-c, in six skills
    assert [int(cell) for cell in counts["`warp_ratio`"]] == [0, 18]


def test_sentences_count_what_is_solved_and_name_the_smoothest() -> None:
    few = {"a": shown(report(60.0, stiller=1.2)), "copy": shown(report(99.0)), "b": shown(report(49.0))}
    said = claims(few, {name: few[name] for name in ("a", "b")})
    assert "b 0, a 8, copy 8" in said[0]
    assert "the smoothest is copy" in said[1]
    assert "spans 11.00 points, and the warped error 0.20 of" in said[2]


@pytest.mark.parametrize("key", ROWS)
def test_every_method_is_a_class_that_is_there(key: str) -> None:
    args = ROWS[key].args
    if args[0] == "--model.method":
        import veggie_pl.methods

        assert hasattr(veggie_pl.methods, args[1].rsplit(".", 1)[1])
