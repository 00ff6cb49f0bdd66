"""Many replies become one judgement: the median of what counts, and a line for all that does not."""

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.experts.judge.prompts import MODES
from veggie_pl.experts.judge.replies import Reply, conclude
from veggie_pl.experts.protocols import Question

CLIP = torch.zeros(1, 3, 8, 8)
QUESTION = Question("k", Skill.REMOVAL, "remove it", CLIP, CLIP, ("Is it gone?", "Is it day?"))


def rated(follow: object) -> Reply:
    return Reply(f'{{"follow": {follow}, "preserve": 8, "quality": 9}}')


@pytest.mark.parametrize(("numbers", "middle"), [([7], 7.0), ([1, 9, 8], 8.0), ([6, 7], 6.5), ([10, 1, 2, 3], 2.5)])
def test_the_median_counts(numbers: list[int], middle: float) -> None:
    found = conclude(MODES["rating"], QUESTION, [rated(number) for number in numbers], {"seed": 0})
    assert found.scores == {"follow": middle, "preserve": 8.0, "quality": 9.0}
    assert found.failures == ()
    assert found.settings == {"seed": 0}


def test_failures_are_told_and_never_count() -> None:
    replies = [rated(3), Reply(failure="no answer: timeout"), rated(99), Reply("\u597d")]
    found = conclude(MODES["rating"], QUESTION, replies, {})
    assert found.scores == {"follow": 3.0, "preserve": 8.0, "quality": 9.0}
    assert found.replies == tuple(one.text for one in replies)
    assert found.failures == (
        "reply 2: no answer: timeout",
        "reply 3: follow is 99, outside 1 to 10",
        "reply 4: not in English",
    )


def test_axes_that_no_reply_rates_are_absent() -> None:
    found = conclude(MODES["rating"], QUESTION, [rated(0), rated("null")], {})
    assert found.scores == {"preserve": 8.0, "quality": 9.0}
    assert len(found.failures) == 2
    assert conclude(MODES["rating"], QUESTION, [Reply(failure="x")], {}).scores == {}


def test_checklists_take_the_median_of_shares() -> None:
    replies = [Reply('{"answers": ["yes", "no"]}'), Reply('{"answers": ["yes", "yes"]}'), Reply('{"answers": ["yes"]}')]
    found = conclude(MODES["checklist"], QUESTION, replies, {})
    assert found.scores == {"checklist": 75.0}
    assert found.failures == ("reply 3: not 2 answers of yes or no",)
