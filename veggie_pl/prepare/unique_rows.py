"""The last look at a table's parts together: each key once, no more rows than wanted."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from veggie_pl.data.table.shards import PartWriter, TablePart
from veggie_pl.prepare.report import PrepareReport


def unique_rows(
    folder: Path, parts: Sequence[TablePart], report: PrepareReport, limit: int | None
) -> tuple[list[TablePart], dict[str, int]]:
    """Drop rows whose key an earlier row has, and those after the first ``limit``; count skills.

    Args:
        folder: Of the parts.
        parts: In the order of rows; those that lose rows are written anew.
        report: Is told of what is dropped.
        limit: Rows at most.

    Returns:
        The parts that are left, and rows per skill.
    """
    keys = [_column(folder / part.file, "key") for part in parts]
    kept = _first_of_each(keys, report)
    if limit is not None:
        room = limit
        for one in kept:
            one &= np.cumsum(one) <= room
            room -= int(one.sum())
    report.kept = sum(int(one.sum()) for one in kept)
    left: list[TablePart] = []
    counts: Counter[str] = Counter()
    for part, rows in zip(parts, kept, strict=True):
        path = folder / part.file
        if not rows.all():
            part = _rewrite(path, rows)
        if part.rows:
            left.append(part)
            counts.update(_column(path, "skill").to_pylist())
        else:
            path.unlink()
    return left, dict(sorted(counts.items()))


def _first_of_each(keys: Sequence[pa.ChunkedArray], report: PrepareReport) -> list[npt.NDArray[np.bool_]]:
    kept = [np.ones(len(part), dtype=bool) for part in keys]
    # Hashes first: the keys of millions of rows would fill the memory.
    hashes = [np.fromiter((hash(key.as_py()) for key in part), np.int64, len(part)) for part in keys]
    together = np.concatenate(hashes) if hashes else np.zeros(0, np.int64)
    values, times = np.unique(together, return_counts=True)
    twice = values[times > 1]
    seen: set[str] = set()
    for part, own, keep in zip(keys, hashes, kept, strict=True):
        for number in np.flatnonzero(np.isin(own, twice)).tolist():
            key = part[number].as_py()
            if key in seen:
                keep[number] = False
                report.skip(key, "its key is already taken")
            seen.add(key)
    return kept


def _rewrite(path: Path, rows: npt.NDArray[np.bool_]) -> TablePart:
    with pa.memory_map(str(path)) as file:
        start = 0
        with PartWriter(path) as writer:
            for batch in pa.ipc.open_stream(file):
                writer.copy(batch.filter(pa.array(rows[start : start + len(batch)])))
                start += len(batch)
    assert writer.part is not None
    return writer.part


def _column(path: Path, name: str) -> pa.ChunkedArray:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_stream(file).read_all().column(name)
