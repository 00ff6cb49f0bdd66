"""What a run will take is told from a few rows of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.lifting import calls, task_of, write_stills

from veggie_pl.synthesis.dry_run import SAMPLE, estimate
from veggie_pl.synthesis.synthesize import Run, synthesize


def quiet(what: str, done: float, total: float | None) -> None:
    pass


def test_sample_tells_yield_time_and_disk(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 50, asked={4: "impossible"}), tmp_path / "log"
    task, run = task_of(tmp_path, table, log=log), Run(tmp_path / "lifted", workers=2)
    found = estimate(task, run, quiet)
    assert len(found.outcomes) == SAMPLE
    assert calls(log).count("Pan") == SAMPLE
    states = [one.state for one in found.outcomes]
    assert found.kept_share == states.count("kept") / SAMPLE
    assert found.hours == pytest.approx(50 * sum(found.seconds.values()) / 2 / 3600)
    assert found.gpu_hours == 0
    assert not (tmp_path / "lifted").exists()
    cells = dict(found.grid().rows)
    assert cells["rows"] == "50"
    info = synthesize(task, replace(run, workers=1), quiet)
    size = sum(path.stat().st_size for path in (tmp_path / "store/pair").rglob("*.mp4"))
    assert found.pair_bytes * found.kept_share * 50 == pytest.approx(size, rel=0.35)
    assert found.kept_share * 50 == pytest.approx(info.num_rows, abs=10)
    assert calls(log).count("Pan") == 50 - SAMPLE + states.count("failed")  # what was sampled is done
