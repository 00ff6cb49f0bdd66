"""From a table of pictures to a data set that training reads at once."""

import json
import multiprocessing
import os
import random
import signal
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from support.lifting import task_of, write_stills

from veggie_pl.batch import Skill
from veggie_pl.data.shards import ShardRecords
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import Table, TableRecords
from veggie_pl.errors import UseError
from veggie_pl.files import CONF
from veggie_pl.prepare import prepare
from veggie_pl.prepare.card import read_card
from veggie_pl.synthesis.publish.card import NANO_FRAMES, NANO_SIDE, fit_config
from veggie_pl.synthesis.steps import Task
from veggie_pl.synthesis.synthesize import Run, synthesize

BOTH = ("forward", "reversed")
TIMES = {"report.html"}  # files that hold times


def quiet(what: str, done: float, total: float | None) -> None:
    pass


def made(folder: Path) -> dict[str, bytes]:
    """The files of a data set that are the same in every run, by name; root and hash of a table differ by place."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in TIMES and not name.startswith("tensorboard/"):
            found[name] = path.read_bytes().replace(str(folder).encode(), b"HERE")
    return found


def test_kept_pairs_become_examples_in_both_directions(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 9, asked={4: "impossible"})
    info = synthesize(task_of(tmp_path, table), Run(tmp_path / "Lifted 1", directions=BOTH), quiet)
    out = tmp_path / "Lifted 1"
    keys = [str(key) for key in Table(out / "train").column("key")]
    # 0 and 5 are rejected, 4 fails; 2 and 8 change a feature and cannot be read backwards
    forward = [f"lifted_1/train/stills/train/{number}" for number in (1, 2, 3, 6, 7, 8)]
    assert keys == [key for one in forward for key in ([one] if one[-1] in "28" else [one, f"{one}/reversed"])]
    assert info.counts == {"addition": 4, "removal": 4, "visual_feature": 2}
    assert info.licence == "CC0-1.0"
    left = [json.loads(line) for line in (out / "left_out.jsonl").read_text().splitlines()]
    assert [(one["row"], one["state"]) for one in left] == [(0, "rejected"), (4, "failed"), (5, "rejected")]
    assert left[1]["reason"] == "the picture cannot move"
    told = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    assert [one["key"] for one in told] == keys
    assert {"values", "seeds", "description", "licence", "from", "direction"} <= told[0].keys()
    facts = json.loads((out / "provenance.json").read_text())
    assert facts["steps"]["animate"]["digest"] == "pan 3"
    assert facts["source"]["card"] == "stills"


def test_training_reads_table_and_shards_alike(tmp_path: Path) -> None:
    table, out = write_stills(tmp_path / "data", 7), tmp_path / "lifted"
    synthesize(task_of(tmp_path, table, lossless=True), Run(out, directions=BOTH, shard_bytes=20_000), quiet)
    assert len(list(out.glob("train-*.tar"))) > 1
    clips = []
    for path in out.glob("train-*.tar"):
        with tarfile.open(path) as tar:
            clips += [name for name in tar.getnames() if name.endswith(".mp4")]
    assert len(clips) == 2 * 5  # two of each pair, and no more for the way back
    of_table = EditingStream(TableRecords(str(out / "train"), 3, 32))
    of_shards = EditingStream(
        ShardRecords(str(out / "train.json"), str(tmp_path / "cache"), num_frames=3, size=(32, 32))
    )
    assert len(of_table) == len(of_shards) > 5
    for number in range(len(of_table)):
        one, other = of_table[number], of_shards[number]
        assert one.source.shape == (3, 3, 32, 32)
        assert (one.source == other.source).all()
        assert one.target is not None
        assert other.target is not None
        assert (one.target == other.target).all()
        assert (one.example.skill, one.example.instruction) == (other.example.skill, other.example.instruction)
    first = of_table[0]
    picture = cv2.imread(str(tmp_path / "data/1_source.png"))
    np.testing.assert_allclose(first.source[0].permute(1, 2, 0), picture[..., ::-1] / 127.5 - 1, atol=1e-6)
    assert [of_table[number].example.skill for number in (0, 1)] == [Skill.ADDITION, Skill.REMOVAL]
    assert (of_table[0].source == of_table[1].target).all()
    assert of_table.records.bucket == "3x32x32"  # type: ignore[attr-defined]
    fit = (out / "fit.yaml").read_text()
    assert "num_frames: 3" in fit
    assert "size: 32" in fit


def test_stream_is_of_the_size_that_the_default_model_is_made_for() -> None:
    nano = yaml.safe_load((CONF / "backbone/nano.yaml").read_text())["model"]
    side = nano["viddm"]["init_args"]["unet_config"]["sample_size"] * nano["vae"]["init_args"]["factor"]
    assert (side, nano["queries"]["init_args"]["max_frames"]) == (NANO_SIDE, NANO_FRAMES)
    read = yaml.safe_load(fit_config("lifted", "lifted/train", 81, (480, 832)))["data"]["streams"]["lifted"]["stream"]
    assert read["init_args"]["records"]["init_args"] == {"table": "lifted/train", "num_frames": 8, "size": 32}


def test_card_prepares_to_the_same_rows(tmp_path: Path) -> None:
    table, out = write_stills(tmp_path / "data", 7), tmp_path / "lifted"
    info = synthesize(task_of(tmp_path, table), Run(out, directions=BOTH), quiet)
    prepared = prepare(read_card(out / "card.md"), out, tmp_path / "prepared")["train"]
    assert prepared.counts == info.counts
    own, other = Table(out / "train"), Table(tmp_path / "prepared/lifted/train")
    assert [own.columns(number) for number in range(len(own))] == [other.columns(number) for number in range(len(own))]


def test_target_that_moves_is_the_target_of_the_edit(tmp_path: Path) -> None:
    table, out = write_stills(tmp_path / "data", 4), tmp_path / "lifted"
    synthesize(task_of(tmp_path, table, moved="target", lossless=True), Run(out, directions=BOTH), quiet)
    sample, back = (EditingStream(TableRecords(str(out / "train"), 3, 32))[number] for number in (0, 1))
    picture = cv2.imread(str(tmp_path / "data/1_target.png"))[..., ::-1] / 127.5 - 1
    assert sample.example.instruction == "do addition to the square"
    assert sample.target is not None
    np.testing.assert_allclose(sample.target[0].permute(1, 2, 0), picture, atol=1e-6)
    assert (back.source == sample.target).all()
    assert "real video" in (out / "card.md").read_text()


def _run(task: Task, run: Run) -> None:
    cv2.setNumThreads(0)
    synthesize(task, run, quiet)


def killed(task: Task, run: Run, seconds: float) -> bool:
    """Run in a process that is killed after some time; whether it was still running."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(task, run))
    process.start()
    time.sleep(seconds)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_kills_of_the_driver_change_nothing(tmp_path: Path, kills: int) -> None:
    table, rng = write_stills(tmp_path / "data", 20 * kills, asked={3: "impossible"}), random.Random(kills)
    run = Run(tmp_path / "whole", directions=BOTH, shard_bytes=100_000)
    began = time.monotonic()
    synthesize(task_of(tmp_path / "1", table), run, quiet)
    took = time.monotonic() - began
    task, other = task_of(tmp_path / "2", table), replace(run, output=tmp_path / "again/whole")
    dead = sum(killed(task, other, rng.uniform(0.02, 0.3) * took / 2) for _ in range(kills))
    assert dead >= kills // 3  # others were through
    assert not (tmp_path / "again/whole").exists() or made(tmp_path / "again/whole") == made(tmp_path / "whole")
    (tmp_path / "again").mkdir(exist_ok=True)
    synthesize(task, other, quiet)
    left, right = made(tmp_path / "whole"), made(tmp_path / "again/whole")
    assert left.keys() == right.keys()
    assert [name for name in left if left[name] != right[name]] == []


def test_older_data_set_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    table, out = write_stills(tmp_path / "data", 4), tmp_path / "lifted"
    synthesize(task_of(tmp_path, table), Run(out), quiet)
    assert len(Table(out / "train")) == 3
    synthesize(task_of(tmp_path, table), Run(out, limit=3), quiet)
    assert len(Table(out / "train")) == 2
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/years.tex").touch()
    for place, said in (("thesis", "holds something else"), ("data", "holds something else")):
        with pytest.raises(UseError, match=said):
            synthesize(task_of(tmp_path, table), Run(tmp_path / place), quiet)


def test_too_many_failures_end_the_run_and_are_listed(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 10, asked=dict.fromkeys(range(1, 9, 2), "impossible"))
    run = Run(tmp_path / "new/lifted", max_failed=0.2)
    with pytest.raises(
        UseError, match=r"3 of 10 items failed, more than --max_failed 0.2 allows; most of them: 3 x anim"
    ):
        synthesize(task_of(tmp_path, table), run, quiet)
    assert len((tmp_path / "new/lifted.failed.jsonl").read_text().splitlines()) == 3
    assert not run.output.exists()
    synthesize(task_of(tmp_path, table), replace(run, max_failed=0.4), quiet)
    assert not (tmp_path / "new/lifted.failed.jsonl").exists()


def test_run_that_keeps_nothing_fails_and_shows_why(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 5)
    with pytest.raises(UseError, match=r"no pair is kept of 5: 5 x rejected by change"):
        synthesize(task_of(tmp_path, table, least=255.0), Run(tmp_path / "lifted"), quiet)
    assert not (tmp_path / "lifted").exists()
    assert "data:image/jpeg" in (tmp_path / "lifted.report.html").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"workers": 0}, "--workers must be at least 1"),
        ({"limit": 0}, "--limit must be at least 1"),
        ({"directions": ()}, "directions are forward, reversed or both"),
        ({"max_failed": 2.0}, "--max_failed is a share"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(UseError, match=said):
        synthesize(task_of(tmp_path, write_stills(tmp_path / "data", 1)), Run(tmp_path / "out", **change), quiet)
