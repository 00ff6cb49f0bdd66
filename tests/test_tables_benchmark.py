"""The benchmark of record tables runs at a small size and finds its figures."""

import pytest

from benchmarks import tables


@pytest.mark.slow
def test_benchmark_of_tables_reports_every_figure() -> None:
    writing, size, found = tables.run(20_000)
    assert found.keys() >= tables.LIMITS.keys()
    assert found["open_s"] < tables.LIMITS["open_s"]
    assert found["first_batch_s"] < tables.LIMITS["first_batch_s"]
    assert found["resident_mib"] > found["libraries_mib"] > 50
    text = tables.report(20_000, writing, size, found)
    assert "20,000 rows" in text
    assert text.count("≤") == 3
