"""The filter on planted faults, small: `python -m benchmarks.synthesis_filter` does it with more pairs."""

from itertools import islice

import numpy as np
import pytest

from benchmarks.synthesis_filter import assessed, rates, table, worst
from veggie_pl.synthesis.assess import RuleAssessor
from veggie_pl.synthesis.assess.planted import FAULTS, MOTIONS, good_pairs, planted
from veggie_pl.synthesis.protocols import Assessment

SIZE = 64


def test_good_pairs_are_of_all_motions_and_start_with_their_pictures() -> None:
    pairs = list(islice(good_pairs(3, SIZE), 24))
    assert {name for name, _ in pairs} == set(MOTIONS)
    for _, pair in pairs[:3]:
        assert np.array_equal(pair.source[0], pair.still.source)
        assert np.array_equal(pair.target[0], pair.still.target)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_can_be_seen_and_come_out_the_same_again(fault: str) -> None:
    one, again = (list(islice(planted(fault, 5, SIZE), 2)) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a.source, b.source)
        assert np.array_equal(a.target, b.target)
    assert not np.array_equal(one[0].target, one[1].target)


def test_filter_finds_faults_and_leaves_good_pairs_alone() -> None:
    assessor = RuleAssessor()
    bad, good = assessed(assessor, 8, seed=2)
    for fault, found in bad.items():
        recall, precision = rates(found, good)
        assert recall >= 7 / 8, fault
        assert precision >= 0.9, fault
    assert sum(bool(one.rejected) for one in good) <= 1
    assert len(table(bad, good)) == len(FAULTS) + 4
    assert len(worst(assessor, good)) == len(assessor.rules) + 2


def test_rates_are_those_of_as_many_faults_as_good_pairs() -> None:
    kept, rejected = Assessment({}), Assessment({}, ("kept",))
    assert rates([rejected, rejected, kept, kept], [kept, kept, kept, rejected]) == (0.5, 0.5 / 0.75)
    assert rates([kept], [kept]) == (0.0, 0.0)
