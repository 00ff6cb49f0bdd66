"""Rows that come twice, and sources of training that are also held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt64

from veggie_pl.data.table.quarantine import Fault

STRICTNESS = {"train": 0, "val": 1, "test": 2}  # a source that two splits have is left out of the laxer one
PAIRS_AT_ONCE = 2**22  # pairs of perceptual hashes compared at a time

Hashes = UInt64[np.ndarray, " n"]  # by row; 0 where a row could not be read


@dataclass(frozen=True)
class Hashed:
    """A table as far as it matters here.

    Args:
        name: For messages, such as "mevis/train".
        split: train, val or test.
        key: Key of a row.
        source: Of the source's frames.
        example: Of all that makes the example.
        look: Perceptual, of the source.
    """

    name: str
    split: str
    key: Callable[[int], str]
    source: Hashes
    example: Hashes
    look: Hashes


def duplicates(table: Hashed) -> list[Fault]:
    """Rows that equal an earlier one in all that is decoded and said."""
    _, first, which = np.unique(table.example, return_index=True, return_inverse=True)
    earlier = first[which]
    rows = np.flatnonzero((table.example != 0) & (earlier < np.arange(len(earlier))))
    return [Fault(row, table.key(row), f"is the same as {table.key(int(earlier[row]))}") for row in rows.tolist()]


def leaks(tables: Sequence[Hashed]) -> list[list[Fault]]:
    """For each table, rows whose source a stricter split of any of the tables also has: training must not see them."""
    found: list[list[Fault]] = []
    for table in tables:
        found.append(faults := [])
        known: set[int] = set()
        for other in _stricter(table, tables):
            order = np.argsort(other.source, kind="stable")
            match = order[np.searchsorted(other.source, table.source, sorter=order).clip(max=len(order) - 1)]
            for row in np.flatnonzero((table.source != 0) & (other.source[match] == table.source)).tolist():
                if row not in known:
                    known.add(row)
                    there = other.key(int(match[row]))
                    faults.append(Fault(row, table.key(row), f"its source is also in {other.name} ({there})"))
    return found


def lookalikes(tables: Sequence[Hashed], bits: int) -> list[list[Fault]]:
    """The same for sources that only look alike.

    Args:
        tables: All of them.
        bits: Of the 64 of the perceptual hashes, how many may differ.
    """
    found: list[list[Fault]] = []
    for table in tables:
        found.append(faults := [])
        for other in _stricter(table, tables):
            held = np.flatnonzero(other.look)  # a hash of zero is a plain picture, or none
            step = max(1, PAIRS_AT_ONCE // max(1, len(held)))
            for start in range(0, len(table.look) if len(held) else 0, step):
                here = table.look[start : start + step]
                distance = np.bitwise_count(here[:, None] ^ other.look[held][None])
                nearest = distance.argmin(1)
                near = (distance[np.arange(len(here)), nearest] <= bits) & (here != 0)
                for place in np.flatnonzero(near).tolist():
                    there = other.key(int(held[nearest[place]]))
                    reason = f"its source looks like one of {other.name} ({there})"
                    faults.append(Fault(start + place, table.key(start + place), reason))
    return found


def _stricter(table: Hashed, tables: Sequence[Hashed]) -> list[Hashed]:
    own = STRICTNESS.get(table.split, 0)
    return [other for other in tables if len(other.source) and STRICTNESS.get(other.split, 0) > own]
