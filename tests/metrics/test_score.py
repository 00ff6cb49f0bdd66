import math

import pytest

from veggie_pl.batch import Skill
from veggie_pl.metrics.score import HEADLINE, overall_score
from veggie_pl.metrics.skills import TABLE


def test_every_skill_has_a_headline_measure_that_its_table_has() -> None:
    assert set(HEADLINE) == set(Skill)
    for skill, headline in HEADLINE.items():
        assert headline in [entry.measure.name for entry in TABLE[skill]]


def test_the_score_is_the_mean_over_skills() -> None:
    values = {skill: 10.0 * number for number, skill in enumerate(Skill)}
    assert overall_score(values) == pytest.approx(35.0)


def test_skills_without_a_number_are_left_out_of_the_score() -> None:
    assert overall_score({Skill.ADDITION: math.nan, Skill.REMOVAL: 40.0, Skill.REASONING: 60.0}) == 50.0
    assert math.isnan(overall_score({Skill.ADDITION: math.nan}))
    assert math.isnan(overall_score({}))
