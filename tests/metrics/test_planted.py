"""Outputs with a known order: what each measure sees of it is what it claims, no more and no less."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.planted import FAULTS, ORDERS, SEES, TARGET, planted_outputs

DOC = Path(__file__).parents[2] / "docs/EVALUATION.md"
NUM = 6  # clips of each skill
Means = dict[Skill, dict[str, dict[str, float]]]  # measure -> output -> mean, the higher the better


@pytest.fixture(scope="module")
def means() -> Means:
    table = SkillTable(ShapeDetector())
    found: Means = {}
    for skill in Skill:
        batch, outputs = planted_outputs(skill, num_clips=NUM)
        row = table.of_skill(skill)
        signs = {one.name: 1 if one.higher_is_better else -1 for one in row.measures}
        found[skill] = {}
        for output, edited in outputs.items():
            for name, values in row(edited, batch).items():
                if name in signs and name != "changed_share":  # a fact of the output, neither good nor bad
                    found[skill].setdefault(name, {})[output] = signs[name] * float(values.double().nanmean())
    return found


def of_measures(means: Means) -> Iterator[tuple[str, list[dict[str, float]]]]:
    for name in dict.fromkeys(name for row in means.values() for name in row):
        yield name, [row[name] for row in means.values() if name in row]


def test_measures_see_what_they_claim_and_nothing_else(means: Means) -> None:
    seen = {
        name: frozenset(fault for fault in FAULTS if all(row[TARGET] > row[fault] + 1e-6 for row in rows))
        for name, rows in of_measures(means)
    }
    assert seen == SEES


def test_measures_that_claim_the_order_rank_all_outputs_so(means: Means) -> None:
    def ranked(row: dict[str, float]) -> bool:
        values = torch.tensor([row[output] for output in (TARGET, *FAULTS)])
        return bool((values[:-1] > values[1:]).all())

    assert {name for name, rows in of_measures(means) if all(ranked(row) for row in rows)} == ORDERS


def test_faults_are_all_seen_by_some_measure_of_every_skill(means: Means) -> None:
    for skill, row in means.items():
        assert set().union(*(SEES[name] for name in row)) == set(FAULTS), skill


def test_documentation_lists_what_measures_see() -> None:
    lines = DOC.read_text().partition("| all in order |\n")[2].splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    listed = {cells[0].strip("`"): cells[1:] for cells in rows}
    expected = {
        name: [*("yes" if fault in seen else "-" for fault in FAULTS), "yes" if name in ORDERS else "-"]
        for name, seen in SEES.items()
    }
    assert listed == expected
