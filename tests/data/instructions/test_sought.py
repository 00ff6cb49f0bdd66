import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.pointing import named_fill
from veggie_pl.data.instructions.skills import find_skill
from veggie_pl.data.instructions.sought import LOCAL, pointing_at, sought_phrase
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES, with_articles

NEW = {Skill.CHANGING: "yellow square", Skill.VISUAL_FEATURE: "striped"}
SLOTS = {"place": "at the bottom", "style": "sepia", "fill": "red", "question": "Which one is it?"}


@pytest.mark.parametrize("skill", list(Skill))
@pytest.mark.parametrize("phrase", ["red circle", "striped blue star"])
def test_sought_phrase_of_every_wording_of_this_world(skill: Skill, phrase: str) -> None:
    for template in (*TEMPLATES[skill], *HELD_OUT_TEMPLATES[skill]):
        words = with_articles(template.format(phrase=phrase, new=NEW.get(skill, "a beach"), **SLOTS))
        assert sought_phrase(words, skill) == (phrase if skill in LOCAL else ""), words


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("Remove the man in the hat from the video, please.", "man in the hat"),
        ("Add a red ball moving left at the top for me?", "red ball"),
        ("change the color of the old car to green", "old car"),
        ("Turn the cat into a dog", "cat"),
    ],
)
def test_sought_phrase_of_other_words(words: str, phrase: str) -> None:
    assert sought_phrase(words.replace(", please", " please"), find_skill(words)) == phrase


def test_sought_phrase_goes_by_the_skill_that_is_told() -> None:
    assert sought_phrase("please take that dog out of the picture", Skill.REMOVAL) == "dog"
    assert sought_phrase("remove it", Skill.REMOVAL) == ""
    assert sought_phrase("remove the dog", None) == ""


def test_pointing_is_a_request_that_is_understood_and_avoids_the_things_own_colour() -> None:
    for phrase, fill in (("blue star", "red"), ("red circle", "blue"), ("red and blue ball", "green")):
        asked = pointing_at(phrase)
        assert asked.fill == named_fill(asked.instruction) == fill
        assert find_skill(asked.instruction) is Skill.GROUNDING
        assert phrase in asked.instruction
