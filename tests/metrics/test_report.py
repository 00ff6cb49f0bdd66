import json
import math
from pathlib import Path

import pytest
import torch
from support.metric_batches import RedDetector, batch_of

from veggie_pl.batch import Skill
from veggie_pl.metrics import SkillScores, SkillTable
from veggie_pl.metrics.report import Report, Result, read_report, results_of, write_report


def result(skill: Skill = Skill.GROUNDING, metric: str = "miou", value: float = 47.3, skipped: int = 0) -> Result:
    return Result(skill, metric, value, value - 2, value + 2, 132, "%", skipped=skipped)


def report(*results: Result) -> Report:
    return Report("nano/last.ckpt", "2025-07-01", {"data": 0, "noise": 1}, {"torch": "2.7"}, results)


def test_results_of_take_means_intervals_and_counts() -> None:
    batch = batch_of(Skill.STYLIZATION, 8, 2, 16)
    scores = SkillScores(SkillTable(RedDetector(), aspects=["answer"]).of_skill(Skill.STYLIZATION))
    scores.update(batch.target.lerp(batch.source, torch.linspace(0, 1, 8)[:, None, None, None, None]), batch)
    success, psnr, ssim = results_of(Skill.STYLIZATION, scores, seed=3)
    assert [row.metric for row in (success, psnr, ssim)] == ["success", "psnr", "ssim"]
    assert success.value == 50.0
    assert success.low < 50.0 < success.high
    assert (psnr.unit, psnr.n, psnr.skipped, psnr.skill) == ("dB", 8, 0, Skill.STYLIZATION)
    summary = scores.summaries(seed=3)["psnr"]
    assert (psnr.value, psnr.low, psnr.high) == (summary.mean, summary.low, summary.high)


def test_report_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    written = report(result(), Result(Skill.STYLIZATION, "success", 1 / 3, 0.1, 0.5, 7, "%", skipped=2))
    write_report(written, path)
    assert read_report(path) == written


def test_report_writes_nan_as_null_and_reads_it_back(tmp_path: Path) -> None:
    write_report(report(Result(Skill.STYLIZATION, "psnr", math.nan, math.nan, math.nan, 0, "dB")), tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text(), parse_constant=pytest.fail)
    assert content["results"][0]["value"] is None
    (back,) = read_report(tmp_path / "r.json").results
    assert math.isnan(back.value)
    assert math.isnan(back.low)


def test_report_file_names_what_made_it(tmp_path: Path) -> None:
    write_report(report(result(), result(metric="j", skipped=4)), tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    assert {name: content[name] for name in ("schema", "model", "date", "seeds", "versions", "num_samples")} == {
        "schema": 1,
        "model": "nano/last.ckpt",
        "date": "2025-07-01",
        "seeds": {"data": 0, "noise": 1},
        "versions": {"torch": "2.7"},
        "num_samples": {"grounding": 136},
    }
    assert content["results"][0]["skill"] == "grounding"


def test_read_report_refuses_another_schema(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"schema": 7}')
    with pytest.raises(ValueError, match="report schema 7; this version reads 1"):
        read_report(tmp_path / "r.json")


def test_report_refuses_a_row_twice() -> None:
    with pytest.raises(ValueError, match="these come again: grounding miou"):
        report(result(), result(value=3.0))
