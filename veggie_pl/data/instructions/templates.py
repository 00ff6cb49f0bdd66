"""Templates of instructions per skill, after those seen in the authors' figures."""

import re
from string import Formatter

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError

TEMPLATES: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: (
        "Please add a {phrase} {place} in the given video frames.",
        "Add a {phrase} {place}.",
        "Put a {phrase} {place}.",
        "Insert a {phrase} {place}.",
        "Place a {phrase} {place} of the picture.",
        "There should be a {phrase} {place}.",
        "Please add a {phrase} in the given video frames.",
        "Add a {phrase}.",
        "Insert a {phrase} into the video.",
    ),
    Skill.REMOVAL: (
        "Please remove the {phrase} in given video frames.",
        "Remove the {phrase}.",
        "Delete the {phrase}.",
        "Erase the {phrase} from the video.",
        "Take away the {phrase}.",
        "Make the {phrase} disappear.",
    ),
    Skill.CHANGING: (
        "Replace the {phrase} with a {new}.",
        "Please replace the {phrase} with a {new} in the given video frames.",
        "Turn the {phrase} into a {new}.",
        "Change the {phrase} to a {new}.",
        "Swap the {phrase} for a {new}.",
        "Put a {new} in place of the {phrase}.",
    ),
    Skill.BACKGROUND: (
        "Change the background to {new}.",
        "Please change the background to {new} in the given video frames.",
        "Replace the background with {new}.",
        "Make the background {new}.",
        "Put it in front of {new}.",
        "Set the scene against {new}.",
    ),
    Skill.VISUAL_FEATURE: (
        "Make the {phrase} {new}.",
        "Please make the {phrase} {new} in the given video frames.",
        "Turn the {phrase} {new}.",
        "The {phrase} should be {new}.",
        "Change the look of the {phrase} to {new}.",
        "Paint the {phrase} {new}.",
    ),
    Skill.STYLIZATION: (
        "Make it {style} style.",
        "Please make the given video frames {style} style.",
        "Turn the video into {style} style.",
        "Change the style to {style}.",
        "Apply a {style} look.",
        "Restyle everything as {style}.",
    ),
    Skill.GROUNDING: (
        "Could you label the {phrase} in these video frames with {fill} color masks?",
        "Could you locate the {phrase} in these video frames with {fill} color masks?",
        "Could you highlight the {phrase} in these video frames with {fill} color masks?",
        "Please locate the {phrase} across video frames and use {fill} masks to mark them.",
        "Mark the {phrase} in {fill}.",
        "Please label the {phrase} with {fill} masks.",
    ),
    Skill.REASONING: (
        "{question} Highlight your answer with {fill} masks.",
        "{question} Please mark your answer with {fill} masks.",
        "{question} Label the answer in {fill}.",
        "{question} Show it with {fill} color masks.",
        "{question} Use {fill} masks to point at it.",
        "{question} Locate the answer with {fill} masks.",
    ),
}

HELD_OUT_TEMPLATES: dict[Skill, tuple[str, ...]] = {  # for tests only
    Skill.ADDITION: (
        "Could you add a {phrase} {place} for me?",
        "Please insert a {phrase} {place} of the video.",
        "Could you add a {phrase} for me?",
        "Please insert a {phrase} in these frames.",
    ),
    Skill.REMOVAL: ("Could you erase the {phrase} for me?", "Please delete the {phrase} from these frames."),
    Skill.CHANGING: ("Could you change the {phrase} into a {new}?", "Please swap the {phrase} with a {new}."),
    Skill.BACKGROUND: ("Could you make {new} the background?", "Please set the background to {new}."),
    Skill.VISUAL_FEATURE: ("Could you make the {phrase} look {new}?", "Please turn the {phrase} {new}."),
    Skill.STYLIZATION: ("Could you turn it into {style} style?", "Please apply the {style} style."),
    Skill.GROUNDING: (
        "Please highlight the {phrase} with {fill} masks.",
        "Could you mark the {phrase} across these frames in {fill}?",
    ),
    Skill.REASONING: (
        "{question} Please highlight it with {fill} color masks.",
        "{question} Mark it in {fill}.",
    ),
}


def word(skill: Skill, rng: np.random.Generator, held_out: bool = False, **slots: str) -> str:
    """An instruction for this skill, from a template that uses exactly these slots.

    Args:
        skill: What is asked.
        rng: Chooses the template.
        held_out: Take a template that is never trained on.
        slots: What to fill in, e.g. ``phrase="red circle", fill="blue"``.

    Raises:
        UseError: If no template has these slots.
    """
    templates = (HELD_OUT_TEMPLATES if held_out else TEMPLATES)[skill]
    fitting = [template for template in templates if _SLOTS[template] == slots.keys()]
    if not fitting:
        choices = sorted({", ".join(sorted(_SLOTS[template])) for template in templates})
        raise UseError(f"no wording of {skill} with the slots {sorted(slots)}; the choices are {choices}")
    return with_articles(fitting[int(rng.random() * len(fitting))].format(**slots))


def with_articles(text: str) -> str:
    """Write "an" for "a" before a vowel."""
    return _ARTICLE.sub(r"\1n ", text)


_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_SLOTS = {
    template: {name for _, name, _, _ in Formatter().parse(template) if name}
    for by_skill in (TEMPLATES, HELD_OUT_TEMPLATES)
    for templates in by_skill.values()
    for template in templates
}
