import re
from dataclasses import fields, replace

import numpy as np
import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions import grammar as module
from veggie_pl.data.instructions.grammar import HELD_OUT, RULES, SAID_ELSE, Grammar, say_else
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES
from veggie_pl.data.instructions.written import WRITTEN, plain
from veggie_pl.data.shapes.edits import PLACES
from veggie_pl.data.shapes.questions import WORDS

SLOTS = {
    "phrase": "red circle",
    "place": "on the left",
    "new": "blue star",
    "style": "sepia",
    "fill": "cyan",
    "question": "Which object is the largest?",
}
NOTHING = Grammar(**{one.name: 0.0 for one in fields(Grammar)})
BARE = {name: f"{{{name}}}" for name in SLOTS}  # what a template is made from


def draw(grammar: Grammar, skill: Skill, seed: int, slots: dict[str, str] | None = None) -> str:
    return grammar.word(skill, np.random.default_rng(seed), slots or SLOTS)


def test_wording_is_a_function_of_the_generator() -> None:
    for skill in Skill:
        one, two = ([draw(Grammar(), skill, seed) for seed in range(30)] for _ in range(2))
        assert one == two
        assert len(set(one)) > 25


@pytest.mark.parametrize("skill", list(Skill))
def test_there_are_tens_of_thousands_of_wordings_before_small_talk_and_typos(skill: Skill) -> None:
    """Of 4,000 draws more than 3,400 differ: were all alike likely, of 12,000 wordings that many would; few are."""
    words = replace(NOTHING, tell=0.2, turn=0.2, opening=0.7, please=0.7, closing=0.7)
    rng = np.random.default_rng(0)
    assert len({plain(words.word(skill, rng, BARE)) for _ in range(4000)}) > 3400


def test_every_rule_is_used_and_names_rules() -> None:
    named = {name for text in RULES.values() for name in re.findall(r"<([^>]*)>", " ".join(text))}
    drawn = {"opening", "please", "closing", "chat", "after", *(f"{skill} {how}" for skill in Skill for how in ORDERS)}
    assert named | drawn == set(RULES)
    assert all(len(set(texts)) > 1 for texts in (*RULES.values(), *SAID_ELSE.values()))


ORDERS = ("do", "tell", "turn")


@pytest.mark.parametrize("skill", list(Skill))
def test_what_tests_hold_out_is_never_said(skill: Skill, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {plain(text) for text in (*HELD_OUT_TEMPLATES[skill], *(one.text for one in WRITTEN[skill]))}
    assert texts == HELD_OUT[skill]
    words = replace(NOTHING, opening=0.5, please=0.5, closing=0.5)
    own = plain(words.word(skill, np.random.default_rng(5), BARE))
    monkeypatch.setitem(module.HELD_OUT, skill, {own})  # hold out what it says
    assert plain(words.word(skill, np.random.default_rng(5), BARE)) != own
    talking = replace(words, chat=1.0, after=1.0)  # among small talk, too
    said = [plain(talking.word(skill, np.random.default_rng(5), BARE)) for _ in range(20)]
    assert not any(f" {own} " in text for text in said)


def test_held_out_templates_would_be_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    held_out = dict(HELD_OUT)
    words = replace(NOTHING, opening=0.2, please=0.9, closing=0.5)

    def said(skill: Skill) -> set[str]:
        rng = np.random.default_rng(1)
        return {plain(words.word(skill, rng, BARE)) for _ in range(3000)} & held_out[skill]

    assert not any(said(skill) for skill in Skill)
    for skill in Skill:
        monkeypatch.setitem(module.HELD_OUT, skill, set())
    assert sum(bool(said(skill)) for skill in Skill) >= 2


@pytest.mark.parametrize(
    "name", [one.name for one in fields(Grammar) if one.name not in ("share", "typo_words", "upper", "said_else")]
)
def test_rates_are_those_of_the_texts_that_show_them(name: str) -> None:
    words = replace(NOTHING, **{name: 0.3})
    differ = [draw(words, Skill.ADDITION, seed) != draw(NOTHING, Skill.ADDITION, seed) for seed in range(1200)]
    expected = 0.3 * (16 / 17 if name == "closing" else 1)  # one closing of 17 is none
    assert abs(np.mean(differ) - expected) < 0.045


def test_rate_of_other_words_for_places_and_questions() -> None:
    words = replace(NOTHING, said_else=0.3)
    for skill in (Skill.ADDITION, Skill.REASONING):
        kept = [draw(words, skill, seed) == draw(NOTHING, skill, seed) for seed in range(1200)]
        assert abs(np.mean(kept) - 0.7) < 0.045
    for text in (*PLACES, *(text.format(end=" at the end", other="star") for text in WORDS.values())):
        rng = np.random.default_rng(0)
        other = {say_else(text, rng) for _ in range(60)}
        assert len(other) > 3, text
        assert text not in other
        assert ("star" in text) == all("star" in said for said in other)


def test_rates_of_case_exclude_each_other() -> None:
    words = replace(NOTHING, lower=0.3, upper=0.3)
    said = [draw(words, Skill.REMOVAL, seed) for seed in range(1200)]
    assert abs(np.mean([text.islower() for text in said]) - 0.3) < 0.045
    assert abs(np.mean([text.isupper() for text in said]) - 0.3) < 0.045


def test_share_is_that_of_the_examples() -> None:
    words = replace(Grammar(), share=0.3)
    said = [words.reword(Skill.REMOVAL, np.random.default_rng(seed), SLOTS) for seed in range(1200)]
    assert abs(np.mean([text is not None for text in said]) - 0.3) < 0.045


def test_typos_leave_slots_and_slot_typos_the_rest() -> None:
    typing = replace(NOTHING, typos=1.0, typo_words=1.0)
    for skill in Skill:
        needed = {name for name in re.findall(r"\{(\w+)\}", WRITTEN[skill][0].text)}
        for seed in range(40):
            said, clean = draw(typing, skill, seed), draw(NOTHING, skill, seed)
            assert all(SLOTS[name].lower() in said.lower() for name in needed), said
            assert said != clean
    slipping = replace(NOTHING, slot_typos=1.0, typo_words=1.0)
    for seed in range(40):
        said = draw(slipping, Skill.REMOVAL, seed)
        assert "red" not in said.lower().split()
        assert "circle" not in said.lower()
        assert draw(NOTHING, Skill.REMOVAL, seed).split()[0] == said.split()[0]


def test_orders_differ() -> None:
    turned = [draw(replace(NOTHING, turn=1.0), Skill.REMOVAL, seed) for seed in range(60)]
    assert any(re.match(r"The red circle[:,] \w+.* it", text) for text in turned)
    assert any(text.startswith(("In ", "From ")) for text in turned)
    placed = [draw(replace(NOTHING, turn=1.0), Skill.ADDITION, seed) for seed in range(60)]
    assert any(text.startswith("On the left") for text in placed)


def test_objects_without_a_place_are_added_anywhere() -> None:
    slots = {"phrase": "red circle"}
    said = {draw(replace(Grammar(), typos=0.0, said_else=0.0), Skill.ADDITION, seed, slots) for seed in range(200)}
    assert all("{" not in text and "  " not in text for text in said)
    assert len(said) > 100


def test_marks_and_articles() -> None:
    said = [draw(NOTHING, Skill.ADDITION, seed, {**SLOTS, "phrase": "orange star"}) for seed in range(50)]
    assert all(text[0].isupper() and text[-1] in ".!" for text in said)
    assert not any(re.search(r"\b[Aa] orange", text) for text in said)
    asked = [draw(replace(NOTHING, opening=1.0), Skill.REMOVAL, seed) for seed in range(50)]
    assert all(text.endswith("?") == text.startswith(("Can", "Could", "Would", "Will")) for text in asked)
    bare = replace(Grammar(), unmarked=1.0)
    assert not any(re.search("[.,:!?]", draw(bare, Skill.REMOVAL, seed)) for seed in range(50))


def test_bad_rates_and_lacking_slots_are_errors() -> None:
    with pytest.raises(ValueError, match=r"chat of the grammar is a share in \[0, 1\], got 1.5"):
        Grammar(chat=1.5)
    with pytest.raises(ValueError, match="tell and turn of the grammar add up to at most 1"):
        Grammar(tell=0.6, turn=0.6)
    with pytest.raises(ValueError, match="removal needs phrase; given: style"):
        Grammar().word(Skill.REMOVAL, np.random.default_rng(0), {"style": "sepia"})
