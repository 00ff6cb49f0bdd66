"""A benchmark brings its measures: those of its own, and those of the table that do without exact answers."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from support.parts import fit, make_data, tiny_module
from torch import Tensor

from veggie_pl.batch import Batch, Clips, Skill
from veggie_pl.callbacks import Charts, Evaluate, Samples, SkillLoss
from veggie_pl.data.benchmark import ListedBenchmark, Measure, Measures, SkillMeasures
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import GroundingStream, RequestStream
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.methods import CopySource, Method, MethodModule

NUM = 4


class Unanswered:
    """Moving Shapes without targets and changed regions; the answers are kept for whoever may cheat."""

    def __init__(self, skill: Skill, answers: dict[str, Tensor]) -> None:
        self.records, self.answers = ShapesRecords("test", num_frames=2, skills={skill: 1.0}), answers
        self.bucket = self.records.bucket

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        record = self.records[index]
        assert record.target is not None
        self.answers[record.example.key] = record.target
        return replace(record, target=None, mask=None)


class Cheat:
    """Knows the answers that the benchmark does not tell."""

    name = "cheat"

    def __init__(self, answers: dict[str, Tensor]) -> None:
        self.answers = answers

    def edit_batch(self, batch: Batch) -> Clips:
        pairs = zip(batch.key, batch.source, strict=True)
        return torch.stack([self.answers.get(key, source) for key, source in pairs])


class Dark:
    """A judge who likes it dark: what no table of ours has, and the lower the better."""

    measures = (Measure("light", "points", higher_is_better=False), Measure("seen", "%", needs=("target",)))
    headline = "light"

    def of_skill(self, skill: Skill) -> SkillMeasures:
        return self

    def __call__(self, edited: Clips, batch: Batch) -> dict[str, Tensor]:
        return {"light": edited.double().mean((1, 2, 3, 4))}


def data_of(measures: Measures | None, answers: dict[str, Tensor] | None = None) -> VeggieDataModule:
    answers = {} if answers is None else answers
    data = make_data()
    streams: dict[str, Any] = {
        skill: RequestStream(Unanswered(skill, answers)) for skill in (Skill.ADDITION, Skill.REMOVAL)
    }
    streams["grounding"] = GroundingStream(ShapesRecords("test", num_frames=2, skills={Skill.GROUNDING: 1.0}))
    data.val = data.test = ListedBenchmark(streams, measures)
    data.num_val = data.num_test = NUM
    return data


def report_of(tmp_path: Path, method: LightningModule, data: VeggieDataModule) -> dict[tuple[str, str], dict[str, Any]]:
    evaluate = Evaluate(output=str(tmp_path))
    options: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", devices=1, callbacks=[evaluate, Samples(1, str(tmp_path))], **options)
    trainer.test(method, data, verbose=False)
    content = json.loads((tmp_path / "report.json").read_text())
    assert (tmp_path / "samples.png").is_file()
    return {(row["skill"], row["metric"]): row for row in content["results"]}


def test_without_targets_the_table_scores_what_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values, answers = {}, dict[str, Tensor]()
    methods: list[Method] = [CopySource(), Cheat(answers)]
    for method in methods:
        data = data_of(SkillTable(ShapeDetector(), aspects=["answer"]), answers)
        with caplog.at_level(logging.INFO, logger="veggie_pl"):
            values[method.name] = report_of(tmp_path / method.name, MethodModule(method), data)
    for rows in values.values():
        assert [row for row in rows if row[0] != "grounding"] == [
            ("addition", "detection"),
            ("addition", "success"),
            ("removal", "detection"),
        ]
        assert {name for skill, name in rows if skill == "grounding"} == {"miou", "j", "f", "ssim"}
        assert all(row["n"] == NUM for row in rows.values())
    copied, cheated = values["copy the source"], values["cheat"]
    assert copied["addition", "detection"]["value"] < 20
    assert cheated["addition", "detection"]["value"] > 80
    assert cheated["addition", "success"]["value"] == 100
    assert cheated["removal", "detection"]["value"] > copied["removal", "detection"]["value"] + 60
    said = [record.getMessage() for record in caplog.records]
    assert said.count("addition: no psnr_inside, psnr_outside, ssim_inside, ssim_outside, for want of a target") == 2
    parts = "psnr_inside, psnr_outside, ssim_inside, ssim_outside"
    assert f"removal: no success, ghost, {parts}, for want of a target" in said


def test_without_a_detector_the_table_scores_what_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="veggie_pl"):
        rows = report_of(tmp_path, MethodModule(CopySource()), data_of(None))
    assert {skill for skill, _ in rows} == {"grounding"}
    said = [record.getMessage() for record in caplog.records]
    assert any(one.startswith("addition: no detection, success, psnr_inside") for one in said)
    assert any(one.endswith("for want of a detector or target") for one in said)


def test_measures_of_its_own_are_scored_and_told_as_any(tmp_path: Path) -> None:
    rows = report_of(tmp_path, MethodModule(CopySource()), data_of(Dark()))
    assert set(rows) == {("addition", "light"), ("removal", "light"), ("grounding", "light")}
    row = rows["addition", "light"]
    assert (row["unit"], row["higher_is_better"], row["n"]) == ("points", False, NUM)
    assert row["low"] < row["value"] < row["high"]


def test_validation_without_targets_scores_edits_and_has_no_loss() -> None:
    seen: dict[str, float] = {}

    class Look(Evaluate):
        def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            super().on_validation_epoch_end(trainer, pl_module)
            seen.update({name: float(value) for name, value in trainer.callback_metrics.items()})

    data = data_of(Dark())
    callbacks = [Look(), SkillLoss(1), Charts()]
    fit(tiny_module(num_steps=1), data, 1, callbacks=callbacks, val_check_interval=1)
    assert {"val/light/addition", "val/light/removal", "val/light/grounding", "val/score"} <= seen.keys()
    lights = [seen[f"val/light/{skill}"] for skill in ("addition", "removal", "grounding")]
    assert seen["val/score"] == pytest.approx(sum(lights) / 3, abs=1e-5)


def test_measures_run_where_the_outputs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Look(Dark):
        def __call__(self, edited: Clips, batch: Batch) -> dict[str, Tensor]:
            seen.append(edited.device == batch.source.device)
            return super().__call__(edited, batch)

    def no_copy(tensor: Tensor) -> Tensor:
        raise AssertionError("a clip was copied to the CPU")

    data = data_of(Look())
    with monkeypatch.context() as patch:
        patch.setattr(Tensor, "cpu", lambda tensor: tensor if tensor.ndim < 5 else no_copy(tensor))
        trainer = Trainer(accelerator="cpu", devices=1, callbacks=[Evaluate(str(tmp_path))], logger=False)
        trainer.test(MethodModule(CopySource()), data, verbose=False)
    assert len(seen) == 3
    assert all(seen)
