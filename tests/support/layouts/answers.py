"""What must come of a miniature, and the comparison."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks import rle
from veggie_pl.prepare.layouts import Layout


@dataclass(frozen=True)
class Answer:
    """One row: its words, its pictures below the root, its mask, (f, h, w), and pixels by which edges may differ."""

    skill: Skill
    phrase: str
    source: tuple[str, ...]
    mask: np.ndarray
    slack: int = 0


def collect(layout: Layout, root: Path, split: str) -> tuple[dict[str, Row], dict[str, str]]:
    """Rows, and reasons of what was skipped, by key; keys are unique."""
    rows, skipped = {}, {}
    for entry in layout.entries(root, split):
        for row in layout.rows(root, split, entry):
            assert row.key not in rows | skipped, row.key
            if isinstance(row, Skipped):
                skipped[row.key] = row.reason
            else:
                rows[row.key] = row
    return rows, skipped


def masks(row: Row) -> np.ndarray:
    return np.stack([rle.decode(mask) for mask in row.mask])


def check(layout: Layout, root: Path, split: str, answers: Mapping[str, Answer], faults: Mapping[str, str]) -> None:
    """Compare everything that comes of a split.

    Args:
        layout: Of the miniature.
        root: Where it was written.
        split: train, val or test.
        answers: By key, in order.
        faults: By key, a pattern of the reason.
    """
    rows, skipped = collect(layout, root, split)
    assert list(rows) == list(answers)
    assert set(skipped) == set(faults), skipped
    for name, reason in faults.items():
        assert re.search(reason, skipped[name]), (name, skipped[name])
    for name, answer in answers.items():
        row = rows[name]
        assert (row.example.skill, row.example.phrase) == (answer.skill, answer.phrase), name
        assert (row.example.instruction, row.target, row.example.fill, row.example.start, row.example.stop) == (
            None,
            (),
            "",
            0.0,
            0.0,
        )
        assert tuple(media.path for media in row.source) == answer.source, name
        assert all((root / media.path).is_file() for media in row.source)
        assert masks(row).shape == answer.mask.shape, name
        for found, wanted in zip(masks(row), answer.mask, strict=True):
            assert within(found, wanted, answer.slack), (name, found.astype(int), wanted.astype(int))


def within(found: np.ndarray, wanted: np.ndarray, slack: int) -> bool:
    """Whether two masks differ in no pixel that is further than ``slack`` from the edge of the second."""
    core, reach = wanted.copy(), wanted.copy()
    for _ in range(slack):
        core = ~_grow(~core)
        reach = _grow(reach)
    return bool((found >= core).all() and (found <= reach).all())


def _grow(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    height, width = mask.shape
    return np.any([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)
