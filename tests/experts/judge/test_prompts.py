"""The words of a version never change."""

import hashlib

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.experts.judge.prompts import MODES, VERSION, find_mode
from veggie_pl.experts.protocols import Question

CLIP = torch.zeros(2, 3, 8, 8)
PINNED = {"veggie-judge-1": "bbf2ddf36246c225"}


def asked(skill: Skill = Skill.REMOVAL, checklist: tuple[str, ...] = ("Is it gone?", "Is the sky blue?")) -> Question:
    return Question("k", skill, "remove the {red} circle", CLIP, CLIP, checklist)


def test_words_are_pinned() -> None:
    texts = [
        mode.text(asked(skill), 4, edited_first)
        for mode in MODES.values()
        for skill in (Skill.REMOVAL, Skill.GROUNDING)
        for edited_first in (False, True)
    ]
    digest = hashlib.blake2b("\n".join(texts).encode(), digest_size=8).hexdigest()
    assert {VERSION: digest}.items() <= PINNED.items(), "a changed prompt is another version"


def test_prompts_say_what_is_shown_and_asked() -> None:
    rating = MODES["rating"].text(asked(), 4, edited_first=False)
    assert "You see 8 pictures: first 4 frames of the SOURCE video" in rating
    assert "first 4 frames of the EDITED video" in MODES["rating"].text(asked(), 4, edited_first=True)
    assert '"remove the {red} circle"' in rating
    assert "Kind of edit: Concept Removal." in rating
    assert "one colour" not in rating
    assert "one colour" in MODES["rating"].text(asked(Skill.REASONING), 4, edited_first=False)
    checklist = MODES["checklist"].text(asked(), 4, edited_first=False)
    assert "1. Is it gone?\n2. Is the sky blue?" in checklist
    assert "with 2 answers" in checklist


def test_checklists_need_one() -> None:
    assert MODES["checklist"].fault(asked(checklist=()))
    assert not MODES["checklist"].fault(asked())
    assert not MODES["rating"].fault(asked(checklist=()))


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(UseError, match=r"'stars'.*rating, checklist"):
        find_mode("stars")
