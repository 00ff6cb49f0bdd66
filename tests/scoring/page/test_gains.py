import math

from veggie_pl.batch import Skill
from veggie_pl.scoring.compare import Comparison, Difference
from veggie_pl.scoring.page.gains import gains
from veggie_pl.scoring.ranking import Ranking


def difference(gain: float, low: float, high: float, unit: str = "%", skill: Skill = Skill.REMOVAL) -> Difference:
    return Difference(skill, "m", "b", float(gain), float(low), float(high), 0.1, 9, 0, unit)


def test_scales_are_around_zero_one_for_each_unit() -> None:
    made = (
        difference(10, 0.5, 20),
        difference(-5, -10, 0),
        difference(-2, -4, -1, "dB", Skill.ADDITION),
        difference(math.nan, math.nan, math.nan),
    )
    found = gains(Comparison("a", made, {"b": (0, 0)}, {"b": ()}, Ranking({}, 0, ()), 0))
    remove, add = found[Skill.REMOVAL], found[Skill.ADDITION]
    assert [(one.at, one.low, one.high) for one in remove] == [(75, 51.25, 100), (37.5, 25, 50), (50, 50, 50)]
    assert [(one.at, one.low, one.high) for one in add] == [(25, 0, 37.5)]
    assert [one.verdict for one in remove] == ["better", "not clear", "unknown"]
    assert add[0].verdict == "worse"
