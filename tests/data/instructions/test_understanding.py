"""The grammar read backwards: what it says is understood, and what nobody says is not."""

from time import process_time

import numpy as np
import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.instructions.pointing import named_fill
from veggie_pl.data.instructions.skills import find_skill
from veggie_pl.data.instructions.understanding import MOST, understand
from veggie_pl.data.instructions.written import WRITTEN
from veggie_pl.data.shapes import ShapesRecords

DRAWS = 400
LEAST = 0.99  # of the grammar's requests without typos


def slots_of(skill: Skill, number: int) -> list[dict[str, str]]:
    worlds = [ShapesRecords("train", 3, {skill.value: 1.0}, vocabulary=name) for name in ("small", "large")]
    drawn = [world.scene(index) for index in range(number // 2) for world in worlds]
    return [edit.slots(scene) for scene, edit in drawn]


@pytest.mark.parametrize("skill", list(Skill))
def test_what_the_grammar_says_without_typos_is_understood(skill: Skill) -> None:
    grammar, rng, slots = Grammar(typos=0.0, slot_typos=0.0), np.random.default_rng(0), slots_of(skill, 40)
    told = [(grammar.word(skill, rng, one), one.get("fill")) for one in slots * (DRAWS // len(slots))]
    found = [find_skill(text) for text, _ in told]
    assert sum(one == skill for one in found) >= LEAST * len(told)
    assert set(found) <= {skill, None}  # none is taken for another
    if skill.is_painted:
        assert sum(named_fill(text) == fill for text, fill in told) >= LEAST * len(told)


@pytest.mark.parametrize("skill", list(Skill))
def test_written_wordings_without_typos_are_understood(skill: Skill) -> None:
    for slots in slots_of(skill, 6):
        said = [one.say(slots) for one in WRITTEN[skill] if one.kind != "typos"]
        assert not [text for text in said if find_skill(text) != skill]
        if skill.is_painted:
            assert not [text for text in said if named_fill(text) != slots["fill"]]


def test_written_wordings_with_typos_are_never_taken_for_another_skill() -> None:
    for skill in Skill:
        said = [one.say(slots_of(skill, 2)[0]) for one in WRITTEN[skill] if one.kind == "typos"]
        assert {find_skill(text) for text in said} <= {skill, None}


def test_the_rule_counts_that_leaves_least_to_slots() -> None:
    cases = {
        "The red circle must be gone.": Skill.REMOVAL,
        "The red circle must be striped.": Skill.VISUAL_FEATURE,
        "The red circle must be a blue star.": Skill.CHANGING,
        "The red circle must be marked in blue.": Skill.GROUNDING,
        "Change the background to a beach": Skill.BACKGROUND,
        "Remove the red circle and put a blue star there": Skill.CHANGING,
        "find the red circle and paint it green": Skill.VISUAL_FEATURE,
        "find the red circle and throw out it": Skill.REMOVAL,
        "Where is the red circle? Mark it in blue.": Skill.GROUNDING,
        "The tool for cutting? Show it in blue.": Skill.REASONING,
    }
    assert {text: one.skill for text in cases if (one := understand(text))} == cases


def test_slots_hold_what_is_said() -> None:
    found = understand("So, I was thinking: could you PAINT the small dog striped, please? That is all.")
    assert found is not None
    assert (found.skill, found.slots) == (Skill.VISUAL_FEATURE, {"phrase": "small dog", "new": "striped"})
    found = understand("Put a red circle moving up at the very top")
    assert found is not None
    assert found.slots == {"phrase": "red circle moving up", "place": "at the very top"}
    found = understand("which one is the largest? Mark the answer using blue masks")
    assert found is not None
    assert found.slots == {"question": "which one is the largest", "fill": "blue"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hmm",
        "?",
        "the woman should be smiling",
        "make the video a pencil drawing",  # the video is no thing in it
        "change the season to autumn",
        "highlight the red star and the blue ball",
        "Which is fastest? Mark the car in red and the bus in blue.",
        "give the cat a red collar",
        "remove " * (MOST + 1),
    ],
)
def test_what_no_rule_says_is_none(text: str) -> None:
    assert understand(text) is None


@pytest.mark.parametrize(
    "again", ["could you please ", "please ", "hi, please remove. ", "a b, c. ", "put the red on the "]
)
def test_a_text_that_says_things_again_and_again_is_read_at_once(again: str) -> None:
    text = again * (MOST // len(again.split()))
    understand("remove the circle")  # rules are made once
    started = process_time()
    understand(text)
    assert process_time() - started < 3  # 18 s where a line of openings was read in all ways
