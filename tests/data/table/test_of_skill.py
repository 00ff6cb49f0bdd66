"""Rows of one skill behave as a table of their own."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table import Table
from veggie_pl.data.table.of_skill import RowsOfTable, SkillRecords
from veggie_pl.data.table.quarantine import Fault, write_quarantine
from veggie_pl.data.table.schema import Row
from veggie_pl.data.table.shards import TableInfo, write_table
from veggie_pl.video.media import Media

SKILLS = [Skill.REMOVAL, Skill.ADDITION, Skill.REMOVAL, Skill.CHANGING, Skill.REMOVAL, Skill.REMOVAL]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six rows in parts of four, the last of which is bad."""
    rows = [Row(Example(f"a/{i}", skill, "x"), (Media(f"{i}.png"),)) for i, skill in enumerate(SKILLS)]
    write_table(tmp_path, rows, TableInfo(card="a", root=str(tmp_path)), part_rows=4)
    write_quarantine(tmp_path, [Fault(5, "a/5", "cut off")], 6)
    return tmp_path


def keys(records: SkillRecords) -> list[str]:
    return [records.key(index) for index in range(len(records))]


def test_rows_are_those_of_the_skill_that_are_good(folder: Path) -> None:
    assert keys(SkillRecords(str(folder), "removal", size=8)) == ["a/0", "a/2", "a/4"]
    assert keys(SkillRecords(str(folder), "addition", size=8)) == ["a/1"]
    assert keys(SkillRecords(str(folder), "grounding", size=8)) == []


def test_limit_takes_the_first_rows(folder: Path) -> None:
    assert keys(SkillRecords(str(folder), "removal", size=8, limit=2)) == ["a/0", "a/2"]


def test_whole_table_is_still_read_as_it_was(folder: Path) -> None:
    table = Table(folder)
    assert [table.row(number).key for number in range(len(table))] == [f"a/{i}" for i in range(6)]
    with pytest.raises(IndexError, match="row 6 of a table of 6"):
        table.row(6)


def test_rows_travel_and_end(folder: Path) -> None:
    rows = pickle.loads(pickle.dumps(RowsOfTable(folder, np.array([4, 1]))))
    assert [rows.row(number).key for number in range(len(rows))] == ["a/4", "a/1"]
    assert rows.column("key").tolist() == ["a/4", "a/1"]
    with pytest.raises(IndexError):
        rows.row(2)


def test_groups_are_of_these_rows(folder: Path) -> None:
    records = SkillRecords(str(folder), "removal", num_frames=2, size=8)
    assert {group: rows.tolist() for group, rows in records.groups().items()} == {("2x8x8", "removal"): [0, 1, 2]}


def test_fingerprint_is_of_one_row_and_its_files(folder: Path) -> None:
    records = SkillRecords(str(folder), "removal", size=8)
    before = [records.fingerprint(index) for index in range(3)]
    assert len(set(before)) == 3
    assert [SkillRecords(str(folder), "removal", size=8).fingerprint(index) for index in range(3)] == before
    assert SkillRecords(str(folder), "removal", size=9).fingerprint(0) != before[0]
    assert SkillRecords(str(folder), "removal", size=8, sampling="fps").fingerprint(0) != before[0]
    (folder / "2.png").write_bytes(b"other")
    after = [records.fingerprint(index) for index in range(3)]
    assert [one != two for one, two in zip(before, after, strict=True)] == [False, True, False]
