"""A prepared table of which a third is bad: training says so and stops; after `check` it runs."""

import json
from pathlib import Path

import cv2
import pytest
import yaml
from support.command_line import error_of
from support.fake import pattern

from veggie_pl.batch import Example, Skill
from veggie_pl.cli import main
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.video.media import Media

NUM_ROWS = 90


@pytest.mark.slow
def test_training_over_budget_stops_and_runs_after_check(tmp_path: Path) -> None:
    rows = []
    for number in range(NUM_ROWS):
        frame = pattern(NUM_ROWS, 64, 48)[number]
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame[..., ::-1])
        if number % 3 == 0:
            (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        mask = encode((frame == (250, 40, 40)).all(-1))
        rows.append(
            Row(Example(f"r/{number}", Skill.GROUNDING, phrase="red square"), (Media(f"{number}.png"),), mask=(mask,))
        )
    table = tmp_path / "prepared/some/train"
    write_table(table, rows, TableInfo(card="some", task="grounding", root=str(tmp_path), licence="MIT"))

    records = {"class_path": "veggie_pl.data.table.TableRecords", "init_args": {"table": str(table), "size": 32}}
    stream = {"class_path": "veggie_pl.data.streams.GroundingStream", "init_args": {"records": records}}
    config = {"data": {"streams": {"own": {"stream": stream}}, "val": None, "batch_size": 8, "num_workers": 1}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    args = ["fit", "--config", "conf/stage1.yaml", "--config", str(tmp_path / "own.yaml")]
    args += ["--trainer.accelerator", "cpu", "--trainer.max_steps", "12", "--trainer.enable_progress_bar", "false"]
    args += ["--trainer.val_check_interval", "12", "--trainer.logger.init_args.save_dir", str(tmp_path / "runs")]

    message = error_of(args)
    assert "\n" not in message
    assert "samples of own cannot be read, more than error_budget.max_bad of 0.1 allows" in message
    ledger = next((tmp_path / "runs").rglob("ledger.jsonl"))
    assert all(json.loads(line)["row"] % 3 == 0 for line in ledger.read_text().splitlines())
    assert list((tmp_path / "runs").rglob("over_budget.ckpt"))

    main(["check", str(table), "--timeout", "600"])
    main(args)
    assert len(list((tmp_path / "runs").rglob("ledger.jsonl"))) == 1  # the second run met none
    assert list((tmp_path / "runs").rglob("version_1/model"))
