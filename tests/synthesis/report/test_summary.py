"""Numbers of a run, from ends made by hand."""

import math

import pytest
from support.lifting import Bound

from veggie_pl.synthesis.outcome import Outcome, State
from veggie_pl.synthesis.report import summarize


class Rules:
    rules = {"motion": Bound(0.2, 0.8)}  # noqa: RUF012
    units = {"motion": "px"}  # noqa: RUF012


def end(number: int, state: State, **facts: object) -> Outcome:
    return Outcome(number, f"k{number}", state, **facts)  # type: ignore[arg-type]


OUTCOMES = [
    end(0, "kept", values={"motion": 0.5}, seconds={"read": 1.0, "animate": 4.0}, known=("animate",)),
    end(1, "kept", values={"motion": math.nan}, seconds={"read": 1.0, "animate": 2.0}),
    end(2, "rejected", rejected=("motion",), values={"motion": 100.0}, seconds={"read": 1.0, "animate": 3.0}),
    end(3, "failed", step="read", reason="no picture"),
    end(4, "failed", step="animate", reason="too large", seconds={"read": 1.0}),
]


def test_each_step_tells_what_it_let_through() -> None:
    summary = summarize(OUTCOMES, Rules(), 12.0, 2)
    assert (summary.items, summary.kept, summary.rejected, summary.failed) == (5, 2, 1, 2)
    rows = {row.name: (row.entered, row.failed, row.rejected, row.left, row.known) for row in summary.stages}
    assert list(rows) == ["read", "describe", "animate", "propagate", "assess", "write"]
    assert rows["read"] == (5, 1, 0, 4, 0)
    assert rows["animate"] == (4, 1, 0, 3, 1)
    assert rows["assess"] == (3, 0, 1, 2, 0)
    assert rows["write"] == (2, 0, 0, 2, 0)
    seconds = {row.name: (row.seconds, row.total) for row in summary.stages}
    assert seconds["animate"] == (3.0, 9.0)
    assert math.isnan(seconds["propagate"][0])
    assert summary.rules == {"motion": 1}
    assert summary.reasons == {"read: no picture": 1, "animate: too large": 1}


def test_histogram_shows_all_values_and_bounds() -> None:
    [spread] = summarize(OUTCOMES, Rules(), 12.0, 2).spreads
    assert (spread.name, spread.unit, spread.least, spread.most, spread.broken) == ("motion", "px", 0.2, 0.8, 1)
    assert (sum(spread.kept), sum(spread.rejected), spread.undefined) == (1, 1, 1)
    assert spread.edges[0] <= 0.2
    assert spread.edges[-1] == pytest.approx(100.0, rel=0.01)
    assert spread.rejected[-1] == 1


def test_measures_of_one_value_or_none_have_a_histogram() -> None:
    same = [end(number, "kept", values={"motion": 1.0, "other": math.nan}) for number in range(3)]
    motion, other = summarize(same, object(), 1.0, 1).spreads
    assert sum(motion.kept) == 3
    assert sum(other.kept) == 0
    assert other.undefined == 3
