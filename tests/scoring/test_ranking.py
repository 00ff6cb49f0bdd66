import math

import pytest
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result
from veggie_pl.scoring.ranking import named, rank_reports


def of(name: str, **values: float) -> Report:
    return report(name, [sample("k", Skill.REMOVAL, values=values)])


def test_methods_of_one_name_are_numbered() -> None:
    assert list(named([of("nano"), of("copy"), of("nano"), of("nano")])) == ["nano", "copy", "nano (2)", "nano (3)"]


def test_ranks_are_over_the_rows_that_all_have() -> None:
    """Success: a 1, b 2, c 3. Error, where less is better: c 1, a and b share 2.5. Judge: c has none."""
    found = rank_reports(
        named(
            [
                of("a", success=90, error=5, judge=3),
                of("b", success=80, error=5, judge=9),
                of("c", success=70, error=1),
            ]
        )
    )
    assert found.ranks == pytest.approx({"a": (1 + 2.5) / 2, "b": (2 + 2.5) / 2, "c": (3 + 1) / 2})
    assert found.rows == 2
    assert found.left_out == ((Skill.REMOVAL, "judge"),)
    grid = found.grid()
    assert [row[0] for row in grid.rows] == ["a", "c", "b"]
    assert "removal judge" in grid.note


def test_a_row_without_a_number_is_left_out() -> None:
    nothing = Result(Skill.REMOVAL, "success", math.nan, math.nan, math.nan, 0, "%")
    one = Report("a", "2026-11-27", {}, {}, (nothing,))
    found = rank_reports(named([one, of("b", success=80)]))
    assert found.rows == 0
    assert all(math.isnan(rank) for rank in found.ranks.values())
    assert found.left_out == ((Skill.REMOVAL, "success"),)
