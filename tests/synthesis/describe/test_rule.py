"""Descriptions by rule: the table's words first, then the phrase, then the instruction."""

import numpy as np
import pytest

from veggie_pl.batch import Example, Skill
from veggie_pl.synthesis.describe import RuleDescriber
from veggie_pl.synthesis.describe.rule import MOTIONS
from veggie_pl.synthesis.protocols import Describer, Description, ItemError, Still

PICTURE = np.zeros((16, 16, 3), np.uint8)


def described(example: Example, seed: int = 0) -> Description:
    return RuleDescriber().describe(Still(example, PICTURE, PICTURE, "d"), seed)


def test_phrase_of_an_edit_is_before_or_after_it() -> None:
    assert isinstance(RuleDescriber(), Describer)
    added = described(Example("k", Skill.ADDITION, "Add an owl.", "owl"))
    assert (added.caption, added.edited_caption) == ("a scene", "a scene with an owl")
    gone = described(Example("k", Skill.REMOVAL, "Remove the cat.", "the cat"))
    assert (gone.caption, gone.edited_caption) == ("a scene with the cat", "a scene without the cat")
    painted = described(Example("k", Skill.GROUNDING, "Point.", "cat", fill="red"))
    assert painted.edited_caption == "a scene in which the cat is painted red"


def test_instruction_and_captions_of_the_table_are_used() -> None:
    plain = described(Example("k", Skill.STYLIZATION, "Make it\n  a sketch."))
    assert (plain.caption, plain.edited_caption) == ("a scene", "a scene, edited: Make it a sketch.")
    own = described(Example("k", Skill.CHANGING, "x", "cat", caption="a dog runs", source_caption="a cat runs"))
    assert (own.caption, own.edited_caption) == ("a cat runs", "a dog runs")
    asked = described(Example("k", Skill.REASONING, "Which is left?", "Which is left?"))
    assert asked.caption == "a scene"


def test_seed_picks_one_of_the_motions() -> None:
    example = Example("k", Skill.STYLIZATION, "x")
    found = {described(example, seed).motion for seed in range(40)}
    assert found == set(MOTIONS)
    assert described(example, 7) == described(example, 7)


@pytest.mark.parametrize("instruction", [None, "", " \n"])
def test_empty_instruction_is_an_error_of_the_item(instruction: str | None) -> None:
    with pytest.raises(ItemError, match="instruction is empty"):
        described(Example("k", Skill.REMOVAL, instruction, "cat"))


def test_digest_names_the_motions() -> None:
    assert RuleDescriber().digest != RuleDescriber(("Nothing moves.",)).digest
