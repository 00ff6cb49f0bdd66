"""A test that asks in written wordings once more has a second table, and the first as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer
from support.parts import make_data

from veggie_pl.batch import Skill
from veggie_pl.callbacks import Evaluate, Samples, WriteEdits
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.instructions.written import WRITTEN
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.methods import CopySource, MethodModule
from veggie_pl.metrics.report import read_report

SKILLS = (Skill.REMOVAL, Skill.GROUNDING)


def data_of(num_written: int) -> VeggieDataModule:
    streams = make_data().mixture.streams
    measures = SkillTable(ShapeDetector(), aspects=["answer"])
    bench = ShapesBenchmark("test", num_frames=2, size=16, skills=[*SKILLS], measures=measures)
    options: dict[str, Any] = {"num_test": 3, "eval_batch_size": 2, "num_workers": 0}
    return VeggieDataModule(streams, None, bench, num_written=num_written, **options)


def run(folder: Path, num_written: int) -> dict[str, Any]:
    callbacks = [Evaluate(str(folder)), Samples(9, str(folder)), WriteEdits(str(folder / "edits"), "png")]
    trainer = Trainer(accelerator="cpu", callbacks=callbacks, logger=False, enable_progress_bar=False)
    trainer.test(MethodModule(CopySource()), data_of(num_written), verbose=False)
    return json.loads((folder / "report.json").read_text())  # type: ignore[no-any-return]


def test_second_table_beside_an_unchanged_first(tmp_path: Path) -> None:
    without, asked = run(tmp_path / "without", 0), run(tmp_path / "with", 9)
    assert without["written"] == []
    assert asked["results"] == without["results"]
    assert asked["samples"] == without["samples"]
    rows = read_report(tmp_path / "with/report.json").written
    assert [(row.skill, row.index) for row in rows] == [(skill, i) for skill in SKILLS for i in range(9)]
    for row in rows:
        wording = WRITTEN[row.skill][row.index]
        assert row.notes == {"wording": wording.kind}
        assert row.key == f"shapes/test/0/{row.skill}/{row.index}/written"
        first = wording.text.split("{")[0].lower()
        assert row.instruction.lower().startswith(first)
    # as copying the source scores the same clips in any words
    for skill in SKILLS:
        first, again = ([row["values"] for row in asked[of] if row["skill"] == skill] for of in ("samples", "written"))
        assert again[:3] == first
    for name, has in (("without", False), ("with", True)):
        assert ("Written wordings" in (tmp_path / name / "report.md").read_text()) == has
        assert ("Written wordings" in (tmp_path / name / "report.html").read_text()) == has
    edits = {str(path.relative_to(tmp_path / "with/edits")) for path in (tmp_path / "with/edits").rglob("*.png")}
    assert len(edits) == 2 * 3 * 2
    assert not [name for name in edits if "written" in name]


def test_benchmark_without_written_wordings_is_an_error() -> None:
    bench = ListedBenchmark(ShapesBenchmark("val", num_frames=1).streams())
    with pytest.raises(ValueError, match="num_written 8: there are no written wordings for ListedBenchmark"):
        VeggieDataModule(make_data().mixture.streams, None, bench, num_written=8)
