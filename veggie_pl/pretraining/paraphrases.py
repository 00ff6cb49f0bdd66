"""Many ways to ask for one thing: what a language model knows before VEGGIE meets it.

A real MLLM has read enough to know that "get rid of" is "remove". The nano one has not, so stage 0 tells it. The
wordings that tests hold out are not among these.
"""

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, with_articles

OPENINGS = (
    "",
    "please ",
    "can you ",
    "could you ",
    "would you ",
    "I would like you to ",
    "now ",
    "let us ",
    "you should ",
)
CLOSINGS = ("", " please", " now", " here", " for us", " in the video", " in these frames", " in this clip", " for me")
ACTS: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: (
        "add a {phrase} {place}",
        "put a {phrase} {place}",
        "insert a {phrase} {place}",
        "place a {phrase} {place}",
        "draw a {phrase} {place}",
        "bring in a {phrase} {place}",
        "let a {phrase} appear {place}",
        "add a {phrase}",
        "insert a {phrase}",
        "bring in a {phrase}",
        "let a {phrase} appear",
    ),
    Skill.REMOVAL: (
        "remove the {phrase}",
        "delete the {phrase}",
        "erase the {phrase}",
        "take out the {phrase}",
        "get rid of the {phrase}",
        "wipe away the {phrase}",
        "make the {phrase} vanish",
        "leave out the {phrase}",
    ),
    Skill.CHANGING: (
        "replace the {phrase} with a {new}",
        "turn the {phrase} into a {new}",
        "change the {phrase} to a {new}",
        "change the {phrase} into a {new}",
        "swap the {phrase} for a {new}",
        "swap the {phrase} with a {new}",
        "make a {new} out of the {phrase}",
        "put a {new} where the {phrase} is",
    ),
    Skill.BACKGROUND: (
        "change the background to {new}",
        "replace the background with {new}",
        "set the background to {new}",
        "make the background {new}",
        "make {new} the background",
        "use {new} as the background",
        "move everything in front of {new}",
        "show {new} behind everything",
    ),
    Skill.VISUAL_FEATURE: (
        "make the {phrase} {new}",
        "turn the {phrase} {new}",
        "paint the {phrase} {new}",
        "make the {phrase} look {new}",
        "change the {phrase} to be {new}",
        "let the {phrase} become {new}",
        "give the {phrase} a {new} look",
    ),
    Skill.STYLIZATION: (
        "make it {style} style",
        "turn it into {style} style",
        "turn the video into {style} style",
        "apply the {style} style",
        "apply a {style} look",
        "restyle everything as {style}",
        "render all of it in {style} style",
        "give it a {style} style",
    ),
    Skill.GROUNDING: (
        "highlight the {phrase} with {fill} masks",
        "mark the {phrase} in {fill}",
        "label the {phrase} with {fill} color masks",
        "locate the {phrase} and use {fill} masks",
        "point at the {phrase} in {fill}",
        "find the {phrase} and fill it with {fill}",
        "show the {phrase} with {fill} masks",
        "mark the {phrase} across all frames in {fill}",
    ),
    Skill.REASONING: (
        "highlight it with {fill} masks",
        "highlight your answer with {fill} color masks",
        "mark it in {fill} color",
        "mark the answer with {fill} masks",
        "label the answer in {fill}",
        "show it with {fill} masks",
        "point at it in {fill}",
        "fill the answer with {fill}",
    ),
}


def paraphrase(skill: Skill, rng: np.random.Generator, slots: dict[str, str]) -> str:
    """Return an instruction of this skill in one of some hundred wordings, none of them held out for tests.

    Args:
        skill: What is asked.
        rng: Chooses the wording.
        slots: What ``templates.word`` takes.
    """
    fitting = [act for act in ACTS[skill] if ("{place}" in act) == ("place" in slots)]
    while True:
        opening, act, closing = (str(rng.choice(choices)) for choices in (OPENINGS, fitting, CLOSINGS))
        asked = "?" if opening.startswith(("can", "could", "would")) else "."
        template = opening + act + closing + asked
        template = template[0].upper() + template[1:]
        if skill is Skill.REASONING:
            template = "{question} " + template
        if template not in HELD_OUT_TEMPLATES[skill]:
            return with_articles(template.format(**slots))
