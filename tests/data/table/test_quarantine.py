"""Quarantine lists: whole or not there, and never believed when they are damaged or of another table."""

import json
import os
from pathlib import Path

import pytest

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.quarantine import Fault, QuarantineError, RunLog, read_quarantine, write_quarantine
from veggie_pl.data.table.schema import Row
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.media import Media

FAULTS = [Fault(3, "a/3", "cut off"), Fault(1, "a/1", 'no "such" file\u2028'), Fault(4, "ä", "…")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "some/train"
    rows = [Row(Example(f"a/{i}", Skill.REMOVAL), (Media(f"{i}.png"),), (Media("t.png"),)) for i in range(6)]
    write_table(made, rows, TableInfo(card="some", root="nowhere"))
    return made


def test_list_comes_back_by_row(folder: Path) -> None:
    assert read_quarantine(folder) == []
    write_quarantine(folder, FAULTS, 6)
    assert read_quarantine(folder) == sorted(FAULTS, key=lambda fault: fault.row)
    write_quarantine(folder, [], 6)
    assert read_quarantine(folder) == []


def test_groups_leave_out_what_the_list_names(folder: Path) -> None:
    write_quarantine(folder, FAULTS, 6)
    groups = TableRecords(str(folder), num_frames=1, size=8).groups()
    assert {name: rows.tolist() for name, rows in groups.items()} == {("1x8x8", "removal"): [0, 2, 5]}


def test_list_of_another_table_is_refused(folder: Path) -> None:
    write_quarantine(folder, FAULTS, 6)
    rows = [Row(Example("b", Skill.REMOVAL), (Media("0.png"),), (Media("t.png"),))]
    write_table(folder, rows, TableInfo(card="some", root="nowhere"))
    with pytest.raises(QuarantineError, match=r"of another table.*veggie_pl check"):
        read_quarantine(folder)


def test_write_that_fails_leaves_the_old_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_quarantine(folder, FAULTS, 6)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_quarantine(folder, FAULTS[:1], 6)
    assert len(read_quarantine(folder)) == 3
    assert not list(folder.glob(".*"))


def test_mutated_lists_are_refused(folder: Path) -> None:
    path = write_quarantine(folder, FAULTS, 6)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for number in range(400):
        rng = numpy_rng("mutated ledger", number)
        data = bytearray(whole)
        at = int(rng.integers(len(data)))
        if number % 4 == 0:
            data = data[:at]
        elif number % 4 == 1:
            data[at] ^= 1 << int(rng.integers(8))
        elif number % 4 == 2:
            data = bytearray(b"".join(lines[i] for i in rng.permutation(len(lines))[: int(rng.integers(len(lines)))]))
        else:
            data[at:at] = rng.bytes(5)
        path.write_bytes(data)
        with pytest.raises(QuarantineError, match=r"^\S*ledger.jsonl: is damaged \(\w+\); remove it or run [^\n]*$"):
            read_quarantine(folder)


def test_run_log_adds_each_line_once_and_drops_what_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "run/ledger.jsonl"
    log = RunLog(path)
    assert not path.exists()
    log.add("clips", 3, 7, "k", "cut\noff")
    log.add("clips", 3, 7, "k", "cut\noff")
    path.write_bytes(path.read_bytes() + b'{"stream": "clips", "ind')
    again = RunLog(path)
    again.add("clips", 3, 7, "k", "cut\noff")
    again.add("clips", 9, 8, "l", "gone")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"stream": "clips", "index": 3, "row": 7, "key": "k", "reason": "cut\noff"}
    assert [line["index"] for line in lines] == [3, 9]
