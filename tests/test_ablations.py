"""The table of the ablations, from reports made by hand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablations
from benchmarks.ablations import BASELINES, COLUMNS, ROOT, cell, page, plan, sampling_steps, table
from veggie_pl.batch import Skill
from veggie_pl.data.shapes.naming import SEEN_SKILLS
from veggie_pl.metrics.report import Report, Result, SampleScore


def report(value: float, half: float = 4.0) -> Report:
    rows = [Result(skill, metric, value, value - half, value + half, 100, "%") for skill, metric in COLUMNS.items()]
    return Report("m", "2026-01-01T00:00:00+00:00", {"noise": 0}, {"torch": "2"}, tuple(rows))


def test_interval_holds_chance_of_clips_and_of_seeds() -> None:
    assert cell([report(50.0)], Skill.REMOVAL) == "50 ± 4"
    values = np.array([40.0, 60.0])
    expected = np.sqrt(16 / 2 + 1.96**2 * values.var(ddof=1) / 2)
    assert cell([report(40.0), report(60.0)], Skill.REMOVAL) == f"50 ± {expected:.0f}"


def test_table_ranks_variants_but_not_baselines() -> None:
    reports = {"full": [report(60.0)], "blind": [report(30.0)], **{name: [report(0.0)] for name in BASELINES}}
    rows = {line.split(" | ")[0].strip("| "): line for line in table(reports) if "±" in line}
    assert rows["full"].endswith("| 1.00 |")
    assert rows["blind"].endswith("| 2.00 |")
    assert all(rows[name].endswith("| - |") for name in BASELINES)


def test_lacking_skill_is_an_error() -> None:
    with pytest.raises((ValueError, KeyError, IndexError)):
        table({"full": [Report("m", "d", {}, {}, ())], "other": [report(1.0)]})


def test_variants_of_stage_two_share_the_stage_one_of_full() -> None:
    assert plan("lora") == [("full", "stage1"), ("lora", "stage2")]
    assert plan("frozen_mllm") == [("full", "stage1"), ("frozen_mllm", "stage2")]
    assert plan("full") == [("full", "stage1"), ("full", "stage2")]
    assert plan("no_images") == [("no_images", "stage2")]
    assert plan("no_video") == [("no_video", "stage1")]


def test_tables_say_what_their_intervals_are_and_how_many_steps_were_taken(model_folder: Path, tmp_path: Path) -> None:
    other = json.loads((model_folder / "veggie.json").read_text()) | {"num_steps": 4}
    (tmp_path / "veggie.json").write_text(json.dumps(other))
    assert sampling_steps([model_folder, tmp_path]) == {2, 4}
    text = page({"full": [report(50.0)]}, [0], 100, {2})
    assert "Intervals are Wilson's for success and Gaffke's for mIoU; edits are sampled in 2 steps.\n" in text
    said = " ".join((ROOT / "docs/NANO.md").read_text().split())
    earlier = re.findall(r"percentile bootstrap[^|]*?four sampling steps[^|]*?Wilson's", said)
    assert len(earlier) == 2  # tables that keep the words of their day


def test_a_gpu_trains_what_can_be_a_graph_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(ablations, "run", lambda *args: asked.append(args))
    monkeypatch.setattr(ablations, "RUNS", tmp_path)
    for variant in ("full", "words"):
        ablations.train_and_score(variant, 0, 1, graphs=True)
    ablations.train_and_score("blind", 0, 1)
    trained = [args for args in asked if args[0] == "fit"]
    assert len(trained) == 6
    graphed = [args for args in trained if ablations.GRAPHED in args]
    assert [str(ablations.CONF / "full/stage1.yaml") in args for args in graphed] == [True]


def scored() -> tuple[SampleScore, ...]:
    return tuple(
        SampleScore(f"{skill}/{row}", skill, row, "x", {COLUMNS[skill]: 50.0})
        for skill in SEEN_SKILLS
        for row in range(3)
    )


def test_what_sees_is_asked_where_seeing_could_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(ablations, "run", lambda *args: asked.append(args))
    monkeypatch.setattr(ablations, "RUNS", tmp_path)
    for variant in (*ablations.SEEING, "no_video"):
        ablations.train_and_score(variant, 0, 7)
    tests = [args for args in asked if args[0] == "test"]
    assert [args[args.index("--evaluate.output") + 1] for args in tests if "seen" in args] == [
        str(tmp_path / variant / "0/seen") for variant in ablations.SEEING
    ]
    assert len(tests) == 9
    assert all(args[args.index("--data.num_test") + 1] == "7" for args in tests)
    rows = [Result(skill, COLUMNS[skill], 50.0, 40.0, 60.0, 7, "%") for skill in SEEN_SKILLS]
    seen = [Report("m", "2026-01-01T00:00:00+00:00", {"noise": 0}, {"torch": "2"}, tuple(rows))]
    text = page({"full": [report(60.0)]}, [0], 7, {2}, {"full": seen})
    assert "| full | 50 ± 10 | 50 ± 10 | 50 ± 10 | 50 ± 10 |" in text
    assert "to be blind" not in text
    both = {key: [replace(seen[0], samples=scored())] for key in ("full", "blind", "seen_blind")}
    text = page({"full": [report(60.0)]}, [0], 7, {2}, both)
    assert "costs to be blind, `blind` against `full`:" in text
    assert text.count("+0 [+0, +0]") == len(SEEN_SKILLS)
    assert "named only by what is seen" not in page({"full": [report(60.0)]}, [0], 7, {2})
