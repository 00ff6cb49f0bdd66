"""Instructions that people write, and the skill that each asks for."""

import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.skills_of import skill_of
from veggie_pl.data.wordings import HELD_OUT_WORDINGS, WORDINGS

EXAMPLES = {
    "Add a hat to the man on the left.": Skill.ADDITION,
    "put sunglasses on the dog": Skill.ADDITION,
    "Insert a small boat into the lake": Skill.ADDITION,
    "let there be a rainbow": Skill.ADDITION,
    "Could you include a cup next to the laptop?": Skill.ADDITION,
    "give the cat a red collar": Skill.ADDITION,
    "Remove the red car.": Skill.REMOVAL,
    "please erase the watermark": Skill.REMOVAL,
    "get rid of the people behind her": Skill.REMOVAL,
    "Make the fence disappear": Skill.REMOVAL,
    "take away the chair": Skill.REMOVAL,
    "Replace the cat with a dog.": Skill.CHANGING,
    "turn the car into a truck": Skill.CHANGING,
    "Change the apple to an orange tree": Skill.CHANGING,
    "swap the sign for a flag": Skill.CHANGING,
    "Transform the horse to a zebra": Skill.CHANGING,
    "the woman should be smiling": Skill.CHANGING,  # nothing else fits
    "Change the background to a beach": Skill.BACKGROUND,
    "replace the sky with a starry night": Skill.BACKGROUND,
    "make it snowy": Skill.BACKGROUND,
    "Make it a rainy night": Skill.BACKGROUND,
    "change the season to autumn": Skill.BACKGROUND,
    "Change the color of the car to blue": Skill.VISUAL_FEATURE,
    "make the swan white": Skill.VISUAL_FEATURE,
    "Please make the blue star yellow in the given video frames.": Skill.VISUAL_FEATURE,
    "Make the table wooden.": Skill.VISUAL_FEATURE,
    "turn her dress green": Skill.VISUAL_FEATURE,
    "paint the door yellow": Skill.VISUAL_FEATURE,
    "make it in the style of Van Gogh": Skill.STYLIZATION,
    "Turn this photo into a watercolor painting": Skill.STYLIZATION,
    "Make it Ghibli style": Skill.STYLIZATION,
    "make the video a pencil drawing": Skill.STYLIZATION,
    "render it as pixel art": Skill.STYLIZATION,
}


@pytest.mark.parametrize(("instruction", "skill"), EXAMPLES.items())
def test_skill_of_an_instruction(instruction: str, skill: Skill) -> None:
    assert skill_of(instruction) == skill
    assert skill_of(f"  {instruction.upper()} ") == skill


def test_skill_of_our_own_wordings() -> None:
    slots = {"phrase": "dog", "place": "on the left", "fill": "red", "question": "Which?", "style": "sketch"}
    new = {Skill.CHANGING: "cat", Skill.BACKGROUND: "a beach", Skill.VISUAL_FEATURE: "green"}
    said = [
        (skill, template.format(**slots, new=new.get(skill)))
        for wordings in (WORDINGS, HELD_OUT_WORDINGS)
        for skill, templates in wordings.items()
        for template in templates
        if not skill.is_painted
    ]
    wrong = [(skill, text) for skill, text in said if skill_of(text) != skill]
    assert len(wrong) <= 0.1 * len(said), wrong


def test_skill_of_something_else_is_as_told() -> None:
    assert skill_of("hmm") == Skill.CHANGING
    assert skill_of("hmm", Skill.ADDITION) == Skill.ADDITION
