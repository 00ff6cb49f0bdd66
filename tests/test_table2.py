"""The page of the table of methods, from reports made by hand."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablations import ROOT
from benchmarks.scored_edits import Row
from benchmarks.table2 import FEW, LONG, ROWS, WINDOWED
from benchmarks.table2_page import (
    EDITING,
    PAINTED,
    at_equal_compute,
    claims,
    page,
    separation,
    shown,
    where_windows_meet,
)
from benchmarks.table2_trained import MODELS, STAGES, commands
from veggie_pl.batch import Skill
from veggie_pl.inference.windows import windows
from veggie_pl.metrics.report import Report, Result, SampleScore


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


def test_windows_are_told_apart_by_the_seam_where_smoothness_does_not() -> None:
    def long(seam: float) -> Report:
        rows = [Result(Skill.REMOVAL, "seam", seam, seam - 0.2, seam + 0.2, 9, "x other pairs", False)]
        rows += [Result(Skill.REMOVAL, "vbench_subject", 99.0, 98.0, 99.5, 9, "score")]
        return Report("m", "2026-01-01T00:00:00+00:00", {"noise": 0}, {"torch": "2"}, tuple(rows))

    reports = {"cut": long(1.0), "joined": long(0.3), "copy": long(0.0)}
    text = "\n".join(where_windows_meet(reports, ["copy"]))
    assert "| Concept Removal | `seam` | 1.0 [0.8, 1.2] | **0.3** [0.1, 0.5] | 0.0 [-0.2, 0.2] |" in text
    assert "| `seam` | 1 | 1 |" in text
    assert "| `vbench_subject` | 0 | 1 |" in text
    assert text in page({"a": report(60.0)}, ["copy"], 9, reports)
    assert "windows meet" not in page({"a": report(60.0)}, [], 9)


def test_models_trained_for_it_are_compared_clip_by_clip() -> None:
    def scored(name: str, values: dict[str, float]) -> Report:
        samples = tuple(
            SampleScore(key, skill, 0, "remove it", {"miou" if skill.is_painted else "success": value})
            for skill in Skill
            for key, value in values.items()
        )
        return replace(report(50.0), model=name, samples=samples)

    ours = scored("ours", {f"{n}": 100.0 * (n % 2) for n in range(40)})
    theirs = scored("theirs", {f"{n}": 100.0 * (n % 2 and n > 9) for n in range(40)})
    text = "\n".join(at_equal_compute({"ours": ours, "theirs": theirs}))
    assert (
        "| Concept Removal | `success` | **+12.5 [+2.5, +25.0]** |" in text
    )  # 5 of 40 clips: 97.4 % of resamples have 9 or less
    assert text in page({"a": report(60.0)}, ["copy"], 9, None, {"ours": ours, "theirs": theirs})


def test_models_of_the_table_differ_in_their_own_configs_alone(tmp_path: Path) -> None:
    def shared(key: str) -> list[list[str]]:
        own = [f"{MODELS[key].configs}/{stage}.yaml" for stage in STAGES if MODELS[key].configs] + [*MODELS[key].args]
        return [[part for part in args if part not in own] for args in commands(MODELS[key], 0, tmp_path)]

    plain = [[part for part in args if part != "--config"] for args in shared("veggie")]
    for key in ("insv2v", "lgvi"):
        assert [[part for part in args if part != "--config"] for args in shared(key)] == plain
        for args, stage in zip(commands(MODELS[key], 0, tmp_path), STAGES, strict=True):
            assert f"conf/baseline/{key}/{stage}.yaml" in args
            assert {*MODELS[key].args} <= {*args}
            assert all((ROOT / part).is_file() for part in args if part.endswith(".yaml"))
    second = commands(MODELS["lgvi"], 0, tmp_path)[1]
    assert second[second.index("--init_from.folders") + 1] == f"[{tmp_path}/stage1/model]"


def test_a_measure_that_nobody_has_is_no_row() -> None:
    lacking = tuple(
        replace(row, value=math.nan, low=math.nan, high=math.nan) if row.row == (Skill.REMOVAL, "detection") else row
        for row in report(50.0).results
    )
    text = page({"a": replace(report(50.0), results=lacking), "b": replace(report(40.0), results=lacking)}, [], 9)
    assert "nan [" not in text
    assert "| Concept Removal | `detection`" not in text
    assert "| Concept Addition | `detection`" in text


def test_joins_are_where_windows_of_eight_begin() -> None:
    assert WINDOWED["cut"].joins == tuple(place.start for place in windows(LONG, 8, 0)[1:])
    assert WINDOWED["together"].joins == tuple(place.start for place in windows(LONG, 8, 4)[1:])
    assert WINDOWED["corrected"].joins == tuple(place.stop for place in windows(LONG, 8, 4)[:-1])


def test_who_is_shown_on_fewer_clips_is_not_ranked() -> None:
    few = [row for row in ROWS.values() if row.most < 40]
    assert {row.name for row in few} == {f"TokenFlow, 8 steps, first {FEW}", f"Flatten, 8 steps, first {FEW}"}
    assert all(row.bound for row in few)


@pytest.mark.parametrize("row", [*ROWS.values(), *WINDOWED.values()], ids=lambda row: row.name)
def test_every_method_is_a_class_that_is_there(row: Row) -> None:
    args = row.args
    if args[0] == "--model.method":
        import veggie_pl.methods

        assert hasattr(veggie_pl.methods, args[1].rsplit(".", 1)[1])
