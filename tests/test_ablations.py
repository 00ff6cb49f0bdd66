"""The table of the ablations, from reports made by hand."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ablations import BASELINES, COLUMNS, ROOT, cell, page, plan, sampling_steps, table
from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result


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
    for name, tables in (("ABLATIONS", 1), ("NANO", 2)):
        said = " ".join((ROOT / f"docs/{name}.md").read_text().split())
        assert len(re.findall(r"percentile bootstrap[^|]*?four sampling steps[^|]*?Wilson's", said)) == tables, name
