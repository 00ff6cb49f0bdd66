"""Whole tables: the ledger holds exactly what is bad, whatever a row does to the process that examines it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.deadly import examine_deadly
from support.fake import pattern

from veggie_pl.batch import Example, Skill
from veggie_pl.check.run import Limits, check_tables, examine_all
from veggie_pl.cli import main
from veggie_pl.data.table import TableError, TableInfo, TableRecords, write_table
from veggie_pl.data.table.quarantine import PARTIAL, read_quarantine
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.video.media import Media

pytestmark = pytest.mark.slow
MASK = encode(np.eye(48, 64) > 0)


def table(folder: Path, split: str, pictures: list[int], licence: str = "CC-BY-4.0") -> Path:
    """Grounding of still pictures by number; 5 is no picture."""
    root = folder / "media"
    root.mkdir(exist_ok=True)
    for number, frame in enumerate(pattern(10, 64, 48)):
        cv2.imwrite(str(root / f"{number}.png"), frame)
    (root / "5.png").write_bytes(b"no picture")
    rows = [
        Row(
            Example(f"{split}/{i}", Skill.GROUNDING, phrase="square", fill="red"),
            (Media(f"{number}.png"),),
            mask=(MASK,),
        )
        for i, number in enumerate(pictures)
    ]
    made = folder / "prepared/some" / split
    write_table(made, rows, TableInfo(card="some", split=split, task="grounding", root=str(root), licence=licence))
    return made


def test_check_prints_a_table_and_training_reads_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = table(tmp_path, "train", [0, 1, 5, 2, 1, 3, 9], "CC-BY-NC-4.0")
    test = table(tmp_path, "test", [3, 4])
    main(["check", str(tmp_path / "prepared"), "--num_workers", "2", "--timeout", "600"])
    assert [(fault.row, fault.key, fault.reason) for fault in read_quarantine(train)] == [
        (2, "train/2", "5.png: not a video that can be read (Invalid argument)"),
        (4, "train/4", "is the same as train/1"),
        (5, "train/5", "its source is also in some/test (test/0)"),
    ]
    assert read_quarantine(test) == []
    printed = capsys.readouterr().out
    for part in (
        "some/train: 4 of 7 rows are good",
        "some/test: 2 of 2 rows are good",
        "not a video that can be read",
    ):
        assert part in printed
    groups = TableRecords(str(train), num_frames=1, size=16).groups()
    assert groups["1x16x16", "grounding"].tolist() == [0, 1, 3, 6]


def test_rows_that_kill_their_process_cost_themselves_only(tmp_path: Path) -> None:
    folder = table(tmp_path, "train", list(range(8)))
    for timeout in (5.0, 40.0, 300.0):
        limits = Limits(num_workers=2, timeout=timeout, memory=1.0)
        found = {row: finding for _, row, finding in examine_all([folder], limits, examine_deadly)}
        if sum("took longer" in finding.reason for finding in found.values()) == 1:  # else the machine was too busy
            break
    assert sorted(found) == list(range(8))
    assert {row: finding.reason for row, finding in found.items() if finding.reason} == {
        1: "crashed while being decoded (exit code -11)",
        2: f"took longer than {timeout:g} s",
        3: "needs more than 1 GiB of memory",
        4: "unexpected ValueError: some library's own",
        6: "crashed while being decoded (exit code -11)",
    }
    assert [found[row].source for row in (0, 5, 7)] == [0, 5, 7]


def test_interrupted_check_keeps_what_it_found_under_another_name(tmp_path: Path) -> None:
    folder = table(tmp_path, "train", [5, 1, 2, 3])
    seen = []

    def interrupt() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_tables([folder], Limits(num_workers=1, timeout=600.0), on_row=interrupt)
    assert read_quarantine(folder) == []
    assert (folder / PARTIAL).read_text().count("not a video") == 1
    check_tables([folder], Limits(num_workers=1, timeout=600.0))
    assert len(read_quarantine(folder)) == 1
    assert not (folder / PARTIAL).exists()


def test_what_is_no_table_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        with pytest.raises(SystemExit, match=rf"error: .*{name}.*no prepared table"):
            main(["check", str(tmp_path / name)])
    with pytest.raises(TableError, match="no prepared table"):
        check_tables([tmp_path / "missing"], Limits())


@pytest.mark.parametrize("wrong", [{"num_workers": 0}, {"timeout": 0.0}, {"memory": -1.0}])
def test_impossible_limits(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="needs a process, time and memory"):
        replace(Limits(), **wrong)
