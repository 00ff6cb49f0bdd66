import re

import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.grammar import RULES
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES
from veggie_pl.data.instructions.written import KINDS, WRITTEN, Written, plain, written

SLOTS = {
    Skill.ADDITION: {"phrase", "place"},
    Skill.REMOVAL: {"phrase"},
    Skill.CHANGING: {"phrase", "new"},
    Skill.BACKGROUND: {"new"},
    Skill.VISUAL_FEATURE: {"phrase", "new"},
    Skill.STYLIZATION: {"style"},
    Skill.GROUNDING: {"phrase", "fill"},
    Skill.REASONING: {"question", "fill"},
}


def rules_of(*names: str) -> set[str]:
    """The words that rules can come to."""
    found, rest = set[str](), list(names)
    seen = set[str]()
    while rest:
        if (name := rest.pop()) not in seen:
            seen.add(name)
            text = " ".join(RULES[name])
            rest += re.findall(r"<([\w ]+)>", text)
            found |= set(plain(re.sub(r"<[\w ]+>|\{\w+\}", " ", text)).split())
    return found


@pytest.mark.parametrize("skill", list(Skill))
def test_written_wordings_are_many_of_every_kind_and_nobodys_templates(skill: Skill) -> None:
    wordings = WRITTEN[skill]
    assert len(wordings) >= 16
    assert len(KINDS) == 7
    assert [one.kind for one in wordings[:14]] == [*KINDS, *KINDS]
    texts = {plain(one.text) for one in wordings}
    assert len(texts) == len(wordings)
    assert not texts & {plain(text) for text in (*TEMPLATES[skill], *HELD_OUT_TEMPLATES[skill])}
    for one in wordings:
        assert set(re.findall(r"\{(\w+)\}", one.text)) == SLOTS[skill], one.text


@pytest.mark.parametrize("skill", list(Skill))
def test_synonyms_hold_words_that_the_grammar_never_says(skill: Skill) -> None:
    own = [f"{skill} {how}" for how in ("do", "tell", "turn")]
    known = rules_of("opening", "please", "closing", "chat", "after", *own)
    synonyms = [one.text for one in WRITTEN[skill] if one.kind == "synonyms"]
    new = [set(plain(re.sub(r"\{\w+\}", "", text)).split()) - known for text in synonyms]
    assert any(new), known


def test_case_is_that_of_the_kind_slots_included() -> None:
    slots = {"phrase": "Red circle", "place": "on the left", "fill": "blue", "new": "a beach", "style": "sepia"}
    for skill in Skill:
        for one in WRITTEN[skill]:
            said = one.say({**slots, "question": "Which object is the largest?"})
            assert said.isupper() == (one.kind == "capitals")
            assert said.islower() == (one.kind == "lower case")
            assert said[0].isupper() == (one.kind != "lower case")


def test_wordings_take_turns_and_slots_are_asked_for() -> None:
    number = len(WRITTEN[Skill.REMOVAL])
    assert written(Skill.REMOVAL, number + 3) == WRITTEN[Skill.REMOVAL][3]
    assert Written("polite", "A {phrase}?").say({"phrase": "orange star"}) == "An orange star?"
    with pytest.raises(ValueError, match="needs phrase; given are new"):
        Written("polite", "A {phrase}?").say({"new": "orange star"})
