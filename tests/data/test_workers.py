"""Worker processes keep to one thread a library, whoever starts them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.parts import make_data
from support.threads import TellingRecords, examine_threads, run_threads

from veggie_pl.batch import Example, Skill
from veggie_pl.check.run import Limits, examine_all
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.prepare import worker
from veggie_pl.prepare.card import read_card
from veggie_pl.video.media import Media


@pytest.fixture
def busy_opencv() -> object:
    """OpenCV with threads of its own, as in a process that has resized something: a forked one inherits their count."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 0)
    yield
    cv2.setNumThreads(before)


def test_loader_processes_have_one_thread(tmp_path: Path, busy_opencv: object) -> None:
    told = tmp_path / "told"
    val = ListedBenchmark({"removal": EditingStream(TellingRecords(told))})
    data = VeggieDataModule(make_data(1, num_val=0).mixture.streams, val, batch_size=1, num_workers=1, num_val=1)
    (loader,) = data.val_dataloader()
    assert len(next(iter(loader))) == 1
    assert told.read_text() == "(1, 1)"
    assert cv2.getNumThreads() == 3  # here nothing changes


def test_processes_of_check_have_one_thread(tmp_path: Path) -> None:
    row = Row(
        Example("a", Skill.GROUNDING, phrase="a", fill="red"), (Media("a.png"),), mask=(encode(np.ones((4, 4), bool)),)
    )
    write_table(
        tmp_path / "t", [row], TableInfo(card="c", split="s", task="grounding", root=str(tmp_path), licence="none")
    )
    ((_, _, found),) = examine_all([tmp_path / "t"], Limits(num_workers=1, timeout=600.0), examine_threads)
    assert (found.reason, found.source, found.example) == ("", 1, 1)


def test_processes_of_prepare_have_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "run_here", run_threads)
    part = worker.Work(read_card("magicbrush"), tmp_path, "train", tmp_path, 7, [0], None)
    done = worker.run_in_processes([part], 1)
    assert list(done) == [(7, (1, 1))]
