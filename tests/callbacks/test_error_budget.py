"""Runs whose data are partly bad: what is trained on, what is counted, written down, and when the run ends."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from support.parts import Holey, fit, make_data, tiny_module

from veggie_pl.callbacks import ErrorBudget, Evaluate, Freeze, Samples, SkillLoss, Throughput
from veggie_pl.callbacks.error_budget import BudgetError
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream

STEPS, BATCH = 10, 8


class Seen(Callback):
    """Keys in the order in which they were trained on, without the missing."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.keys += [batch.key[row] for row in batch.good]


def run(folder: Path, bad: float, steps: int = STEPS, max_bad: float = 0.1, workers: int = 0, **options: Any):
    seen, budget = Seen(), ErrorBudget(max_bad)
    keep = ModelCheckpoint(folder / "steps", every_n_train_steps=1, save_top_k=-1, filename="{step}")
    callbacks = [Freeze(["vae", "mllm"]), SkillLoss(1), Throughput(1), keep, seen, budget]
    data = make_data(bad=bad, batch_size=BATCH, num_workers=workers)
    logger = CSVLogger(str(folder), name="", version="")
    options = {"callbacks": callbacks, "default_root_dir": folder, "logger": logger, "log_every_n_steps": 1, **options}
    trainer = fit(tiny_module(), data, steps, **options)
    return seen, budget, trainer


def expected(bad: float, steps: int = STEPS) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys in order and lines of the ledger, from the mixture alone."""
    keys, lines = [], []
    whole = make_data().mixture
    holey = Holey(whole.streams["editing"].stream.records, bad)
    for index in range(steps * BATCH):
        stream, row = whole.locate(index)
        try:
            holey[row]
        except BadRecordError as error:
            lines.append({"stream": stream, "index": index, "row": row, "key": error.key, "reason": error.reason})
        else:
            keys.append(whole[index][1].example.key)
    return keys, lines


def ledger(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_with_bad_samples_trains_on_all_the_others_in_order(tmp_path: Path, workers: int) -> None:
    keys, lines = expected(0.05)
    assert [line["index"] for line in lines] == [22, 62]  # in the third batch of eight and in the eighth
    seen, budget, trainer = run(tmp_path, 0.05, workers=workers)
    assert seen.keys == keys
    assert next(one for one in trainer.callbacks if isinstance(one, Throughput)).seen == len(
        keys
    )  # the missing are none
    assert ledger(tmp_path) == lines
    assert sum(budget.bad.values()) == len(lines)


def test_a_resumed_run_goes_on_counting_and_writes_no_line_twice(tmp_path: Path) -> None:
    keys, lines = expected(0.3)
    first, _, _ = run(tmp_path, 0.3, steps=6, max_bad=1.0)
    text = (tmp_path / "ledger.jsonl").read_bytes()
    (tmp_path / "ledger.jsonl").write_bytes(text[:-20])  # cut off in the middle of its last line
    second, budget, _ = run(tmp_path, 0.3, max_bad=1.0, ckpt_path=str(tmp_path / "steps/step=4.ckpt"))
    assert first.keys[: len(expected(0.3, 4)[0])] + second.keys == keys
    assert sorted(ledger(tmp_path), key=lambda line: line["index"]) == lines
    assert sum(budget.bad.values()) == len(lines)


def test_counts_are_logged_and_missing_samples_are_none(tmp_path: Path) -> None:
    _, lines = expected(0.3)
    run(tmp_path, 0.3, max_bad=1.0)
    head, *rows = [row.split(",") for row in (tmp_path / "metrics.csv").read_text().splitlines()]
    last = {name: [row[i] for row in rows if row[i]][-1] for i, name in enumerate(head) if any(row[i] for row in rows)}
    for stream in ("editing", "grounding", "reasoning"):
        count = sum(line["stream"] == stream for line in lines)
        assert float(last[f"samples/bad/{stream}"]) == count
    trained = sum(float(value) for name, value in last.items() if name.startswith("samples/stream/"))
    assert trained == STEPS * BATCH - len(lines)


def test_over_budget_is_one_stop_with_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BudgetError) as stopped:
        run(tmp_path, 0.5, steps=100)
    message = str(stopped.value)
    assert "\n" not in message
    for part in ("11 of ", "samples of editing", "error_budget.max_bad of 0.1", "bad/", "ledger.jsonl", "check"):
        assert part in message
    kept = torch.load(tmp_path / "checkpoints/over_budget.ckpt", weights_only=True)
    position = kept["VeggieDataModule"]["position"]
    lines = ledger(tmp_path)
    assert lines == expected(0.5, position // BATCH)[1]  # not a step further than the one that met the eleventh
    assert sum(line["stream"] == "editing" for line in lines) >= 11
    assert sum(line["stream"] == "editing" for line in lines if line["index"] < position - BATCH) <= 10


def test_ten_bad_samples_are_always_allowed(tmp_path: Path) -> None:
    _, budget, _ = run(tmp_path, 0.5, steps=2, max_bad=0.0)
    assert 0 < max(budget.bad.values()) <= 10


def test_first_bad_sample_of_a_stream_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="veggie_pl"):
        run(tmp_path, 0.3, max_bad=1.0)
    said = [record.getMessage() for record in caplog.records if "cannot be read and is left out" in record.getMessage()]
    assert len(said) == 3
    assert all("the file is empty" in one and "ledger.jsonl" in one for one in said)


def test_bad_held_out_samples_are_left_out_and_the_table_says_so(tmp_path: Path) -> None:
    def records(skill: str, bad: float) -> Holey:
        return Holey(ShapesRecords("val", num_frames=1, size=16, skills={skill: 1.0}), bad)

    val = ListedBenchmark(
        {"pointing": GroundingStream(records("grounding", 0.4)), "taking": EditingStream(records("removal", 1.0))}
    )
    data = make_data(num_val=8, eval_batch_size=3)
    data.val = data.test = val
    data.num_test = 8
    evaluate = Evaluate(output=str(tmp_path / "report"))
    callbacks = [evaluate, SkillLoss(1), Samples(2), ErrorBudget()]
    trainer = fit(
        tiny_module(num_steps=1),
        data,
        1,
        callbacks=callbacks,
        default_root_dir=tmp_path,
        logger=CSVLogger(str(tmp_path), name="", version=""),
        val_check_interval=1,
    )
    lines = ledger(tmp_path)
    bad = [line["index"] for line in lines if line["stream"] == "val/pointing"]
    assert 0 < len(bad) < 8
    assert [line["index"] for line in lines if line["stream"] == "val/taking"] == list(range(8))
    assert set(evaluate.scores) == {"grounding"}
    kept = evaluate.scores["grounding"].samples()[0].tolist()
    assert kept == [index for index in range(8) if index not in bad]

    trainer.test(trainer.lightning_module, data, verbose=False)
    assert evaluate.report.missing == {"pointing": len(bad), "taking": 8}
    assert {row.n for row in evaluate.report.results if row.metric == "miou"} == {8 - len(bad)}
    text = (tmp_path / "report/report.md").read_text()
    assert f"Left out, because they cannot be read: {len(bad)} of pointing, 8 of taking" in text
    assert {line["stream"] for line in ledger(tmp_path)} >= {"test/pointing", "test/taking"}


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_budget_is_a_fraction(share: float) -> None:
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        ErrorBudget(share)
