"""The benchmark of record tables runs at a small size and finds its figures; how the work grows is counted."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import tables
from veggie_pl.data.table import TableRecords


@pytest.mark.slow
def test_benchmark_of_tables_reports_every_figure() -> None:
    writing, size, found = tables.run(20_000)
    assert found.keys() >= tables.LIMITS.keys()
    assert 0 < found["open_s"] < found["first_batch_s"]
    assert found["row_ms"] > 0
    assert found["resident_mib"] > found["libraries_mib"] > 50
    text = tables.report(20_000, writing, size, found)
    assert "20,000 rows" in text
    assert text.count("≤") == 3


def calls(work: Callable[[], Any]) -> int:
    """Functions, Python's and C's, that some work takes: what takes longer for more rows calls more of them."""
    count = [0]

    def count_call(frame: object, event: str, arg: object) -> None:
        count[0] += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count[0]


def test_table_of_more_rows_opens_as_quickly(tmp_path: Path) -> None:
    sizes = (600, 12_000)
    found = []
    for rows in (sizes[0], *sizes):  # the first time imports and fills caches, too
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        tables.write(folder, rows)

        def first_batch(folder: Path = folder) -> None:
            records = TableRecords(str(folder), buckets=tables.BUCKETS)
            chosen = next(iter(records.groups().values()))[: tables.BATCH]
            assert len([records[int(row)] for row in chosen]) == tables.BATCH

        found.append(calls(first_batch))
    assert found[2] < 1.5 * found[1]  # looking at rows one by one would be 20 times as many
