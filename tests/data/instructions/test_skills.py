"""Instructions that people write, and the skill that each asks for."""

import itertools
from collections.abc import Iterator

import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.pointing import named_fill
from veggie_pl.data.instructions.skills import editing_skill_of, find_skill, skill_of
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES, with_articles
from veggie_pl.data.shapes.edits import PLACES
from veggie_pl.data.shapes.questions import WORDS
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS, LARGE
from veggie_pl.masks.colors import COLORS

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
    "make the hockey mask yellow": Skill.VISUAL_FEATURE,
    "change the mask to red": Skill.VISUAL_FEATURE,
    "the door should be red": Skill.VISUAL_FEATURE,
    "paint a red mask on the wall": Skill.ADDITION,
    "paint a wall on the left red": Skill.VISUAL_FEATURE,
    "make the red mask disappear": Skill.REMOVAL,
    "Could you label the dog in these video frames with red color masks?": Skill.GROUNDING,
    "Please locate the dog across video frames and use blue masks to mark them.": Skill.GROUNDING,
    "Which animal barks? Highlight your answer with red masks.": Skill.REASONING,
    "Make it on the beach.": Skill.BACKGROUND,
}


@pytest.mark.parametrize(("instruction", "skill"), EXAMPLES.items())
def test_skill_of_an_instruction(instruction: str, skill: Skill) -> None:
    assert skill_of(instruction) == skill
    assert skill_of(f"  {instruction.upper()} ") == skill


PHRASES = ("dog", "red circle", "checkered pink diamond moving left", "man in the red shirt")
NEW = {
    Skill.CHANGING: ("cat", "striped blue star"),
    Skill.BACKGROUND: tuple(BACKGROUNDS.values()),
    Skill.VISUAL_FEATURE: (*LARGE.colors, *LARGE.textures),
}
QUESTIONS = (*(words.format(end=" at the end", other="red ring") for words in WORDS.values()), "the tool for cutting?")


def worded(skill: Skill, template: str) -> Iterator[str]:
    """A template of ours with what our streams put into it."""
    choices = {
        "phrase": PHRASES,
        "new": NEW.get(skill, ()),
        "place": tuple(PLACES),
        "style": LARGE.styles,
        "fill": LARGE.fills,
        "question": QUESTIONS,
    }
    own = {name: values for name, values in choices.items() if f"{{{name}}}" in template}
    for chosen in itertools.product(*own.values()):
        yield with_articles(template.format(**dict(zip(own, chosen, strict=True))))


@pytest.mark.parametrize("skill", list(Skill))
def test_every_wording_of_ours_is_of_its_skill(skill: Skill) -> None:
    said = [text for template in (*TEMPLATES[skill], *HELD_OUT_TEMPLATES[skill]) for text in worded(skill, template)]
    assert len(said) > 20
    assert not [text for text in said if find_skill(text) != skill]


@pytest.mark.parametrize("skill", [Skill.GROUNDING, Skill.REASONING])
def test_every_wording_of_ours_names_its_fill(skill: Skill) -> None:
    for template in (*TEMPLATES[skill], *HELD_OUT_TEMPLATES[skill]):
        for fill in COLORS:
            said = list(worded(skill, template.replace("{fill}", fill)))
            assert not [text for text in said if named_fill(text) != fill]


def test_a_pair_that_is_an_edit_never_points() -> None:
    assert skill_of("highlight the dog in red") == Skill.GROUNDING
    assert editing_skill_of("highlight the dog in red") == Skill.CHANGING
    assert editing_skill_of("Which is red? Remove it.") == Skill.REMOVAL


def test_skill_of_something_else_is_as_told() -> None:
    assert find_skill("hmm") is None
    assert skill_of("hmm") == Skill.CHANGING
    assert skill_of("hmm", Skill.ADDITION) == Skill.ADDITION
