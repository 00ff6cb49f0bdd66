"""What an edit is about, by its words, and how to ask where that is."""

import re
from dataclasses import dataclass

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import TEMPLATES

_MEDIUM = r"(?:video frames|video|frames|clip|picture|image|photo|scene)"
_CLOSE = (
    r"(?: please| now| here| for (?:me|us)| (?:in|into|from|across|throughout|of|to) (?:the |this |these |all |given )*"
    rf"{_MEDIUM})*[.!?]?$"
)
_THE = r"(?:the|this|that|these|those|an?|all|his|her|their|its)"
_IT = rf"\b{_THE} (?P<thing>.+?)"
_LEFT_OUT = "|".join(("remove", "erase", "delete", "eliminate", "get rid of", "leave out", "take out", "take away"))
_PATTERNS: dict[Skill, tuple[str, ...]] = {
    Skill.REMOVAL: (
        rf"\b(?:make|let|have) {_IT} (?:disappear|vanish|go away){_CLOSE}",
        rf"\b(?:take|wipe|clear) {_IT} (?:away|out|off){_CLOSE}",
        rf"\b(?:{_LEFT_OUT}|(?:wipe|clear) (?:away|out|off)) {_IT}{_CLOSE}",
    ),
    Skill.CHANGING: (
        rf"\b(?:in place of|instead of) {_IT}{_CLOSE}",
        rf"\bmake an? .+ out of {_IT}{_CLOSE}",
        rf"\bput an? .+ where {_IT} (?:is|are|was|were){_CLOSE}",
        rf"\b(?:replace|swap|exchange|substitute) {_IT} (?:with|for|by) ",
        rf"\b(?:turn|change|transform|convert|make) {_IT} (?:into|to) ",
    ),
    Skill.VISUAL_FEATURE: (
        rf"\b(?:look|colou?r|texture|material) of {_IT} (?:to|into|from) ",
        rf"\bgive {_IT} an? ",
        rf"\b(?:make|let|have) {_IT} (?:look|become|be) ",
        rf"\b(?:change|turn) {_IT} (?:into|to) ",
        rf"{_IT} should (?:look|become|be) ",
        rf"\b(?:make|turn|paint|dye|tint|colou?r|recolou?r) {_THE} (?P<thing>.+?) [\w-]+{_CLOSE}",
    ),
    Skill.ADDITION: (
        r"\b(?:add|put|insert|place|draw|include|introduce|bring in|let|(?:there should|let there) be)"
        r" (?:an?|another|some|the) (?P<thing>.+?)(?: appear)?(?: moving \w+)?"
        rf"(?: (?:on|at|in|to|near|beside|behind|under|above|below|next) .*?)?{_CLOSE}",
    ),
}
_COMPILED = {
    skill: [re.compile(pattern, re.IGNORECASE) for pattern in patterns] for skill, patterns in _PATTERNS.items()
}
LOCAL = frozenset(_PATTERNS)  # skills that leave most of the picture alone
_FILLS = ("red", "blue", "green", "yellow")  # those that the nano model knows come first


@dataclass(frozen=True)
class Pointing:
    """A request to point at what an edit is about.

    Args:
        instruction: In a wording of training.
        fill: The mask colour that it names, which the thing's own name does not.
    """

    instruction: str
    fill: str


def sought_phrase(instruction: str, skill: Skill | None) -> str:
    """Find the thing that an edit is about, such as "red circle": of an addition what is new, else what is there.

    A rule of thumb, as ``find_skill`` is.

    Args:
        instruction: English.
        skill: What it asks for; background, stylization, grounding and reasoning are about no thing.

    Returns:
        Without article; empty where no rule matches.
    """
    text = " ".join(instruction.split())
    for pattern in _COMPILED.get(skill, ()) if skill is not None else ():
        if found := pattern.search(text):
            return found["thing"].strip(" ,.;:!?\"'")
    return ""


def pointing_at(phrase: str) -> Pointing:
    """Ask where a thing is, in a colour that it is not called by."""
    words = phrase.lower().split()
    fill = next((name for name in _FILLS if name not in words), _FILLS[0])
    return Pointing(label_request(phrase, fill), fill)


def label_request(phrase: str, fill: str) -> str:
    """Ask for a thing to be filled, in a wording of training."""
    return TEMPLATES[Skill.GROUNDING][-1].format(phrase=phrase, fill=fill)
