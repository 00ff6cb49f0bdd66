"""Rules: bounds are kept or broken, and what is not defined passes unless it is needed."""

import math

import pytest

from veggie_pl.errors import UseError
from veggie_pl.synthesis.assess import Rule


def test_bounds_include_their_ends() -> None:
    rule = Rule(least=1.0, most=2.0)
    assert [rule.keeps(value) for value in (0.9, 1.0, 2.0, 2.1)] == [False, True, True, False]
    assert Rule().keeps(-math.inf)


def test_undefined_passes_unless_needed() -> None:
    assert Rule(least=1.0).keeps(math.nan)
    assert not Rule(least=1.0, needed=True).keeps(math.nan)


def test_rules_that_nothing_keeps_are_refused() -> None:
    with pytest.raises(UseError, match=r"no value is at least 2\.0 and at most 1\.0"):
        Rule(least=2.0, most=1.0)
    with pytest.raises(UseError, match="got nan"):
        Rule(most=math.nan)
