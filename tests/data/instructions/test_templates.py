from string import Formatter

import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES, with_articles, word
from veggie_pl.seeding import numpy_rng

VALUES = {"phrase": "orange star", "place": "on the left", "new": "new look", "style": "old style"}
VALUES |= {"fill": "blue", "question": "Which one?"}


def slots_of(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_wordings_are_enough_for_every_skill() -> None:
    for skill in Skill:
        assert len(set(TEMPLATES[skill])) >= 6
        assert len(set(HELD_OUT_TEMPLATES[skill])) >= 2


def test_wordings_held_out_are_never_trained_on() -> None:
    for skill in Skill:
        assert not set(TEMPLATES[skill]) & set(HELD_OUT_TEMPLATES[skill])


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("skill", Skill)
def test_word_reaches_every_template_and_fills_every_slot(skill: Skill, held_out: bool) -> None:
    templates = (HELD_OUT_TEMPLATES if held_out else TEMPLATES)[skill]
    reached = set()
    for slots in {frozenset(slots_of(template)) for template in templates}:
        for i in range(150):
            text = word(skill, numpy_rng(i), held_out, **{name: VALUES[name] for name in slots})
            assert "{" not in text
            assert "}" not in text
            assert all(VALUES[name] in text for name in slots)
            reached.add(text)
    assert reached == {with_articles(template.format(**VALUES)) for template in templates}


def test_word_unfit_slots_name_the_choices() -> None:
    with pytest.raises(
        ValueError, match=r"no wording of removal with the slots \['fill'\]; the choices are \['phrase'\]"
    ):
        word(Skill.REMOVAL, numpy_rng(0), fill="red")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Add a orange star.", "Add an orange star."),
        ("A orange star", "An orange star"),
        ("Add a red star.", "Add a red star."),
        ("a sea and a area", "a sea and an area"),
    ],
)
def test_with_articles_says_an_before_vowels(text: str, right: str) -> None:
    assert with_articles(text) == right
