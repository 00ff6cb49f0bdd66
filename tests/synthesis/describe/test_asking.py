"""What a model is asked, and how strictly its reply is read."""

import json

import pytest
from support.stills import boxed

from veggie_pl.batch import Example, Skill
from veggie_pl.synthesis.describe.asking import LONGEST, pictures, question, read
from veggie_pl.synthesis.protocols import ItemError, Still

GOOD = {"caption": "A box.", "edited_caption": "A red\n box.", "motion": "It rolls."}
STILL = boxed(48, 64)


def test_reply_is_read_and_kept() -> None:
    reply = "<think>{}</think>```json\n" + json.dumps(GOOD) + "\n```"
    found = read(reply)
    assert (found.caption, found.edited_caption, found.motion) == ("A box.", "A red box.", "It rolls.")
    assert found.replies == (reply,)


@pytest.mark.parametrize(
    "reply",
    ["", "A box that rolls.", json.dumps(GOOD | {"motion": " "}), json.dumps(GOOD | {"caption": 3}), "{" * 50],
)
def test_nonsense_is_an_error_with_the_reply(reply: str) -> None:
    with pytest.raises(ItemError, match="the model's reply cannot be read") as caught:
        read(reply)
    assert repr(reply[:40])[1:-1] in str(caught.value)


def test_endless_text_is_no_sentence() -> None:
    with pytest.raises(ItemError, match="a motion of 601 letters"):
        read(json.dumps(GOOD | {"motion": "x" * (LONGEST + 1)}))


def test_question_names_the_edit_and_needs_one() -> None:
    assert '"make it red"' in question(STILL)
    assert "Object Changing" in question(STILL)
    with pytest.raises(ItemError, match="instruction is empty"):
        question(Still(Example("k", Skill.CHANGING, ""), STILL.source, STILL.target, "d"))


def test_pictures_are_made_small_enough() -> None:
    assert pictures(STILL, 32).shape == (2, 3, 24, 32)
    assert pictures(STILL, 999).shape == (2, 3, 48, 64)
