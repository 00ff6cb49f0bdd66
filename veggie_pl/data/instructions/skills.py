"""Which of the eight skills a free-form instruction asks for, by its words."""

import re

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.pointing import pointing_skill
from veggie_pl.data.instructions.surfaces import STYLES, SURFACES
from veggie_pl.data.instructions.understanding import understand

# The first rule that matches decides. Verbs that say it all come first; "make it", which all skills use, comes last.
_PLACES = (
    r"beach|forest|desert|city|street|mountains?|snow|night|sunset|sunrise|winter|summer|autumn|spring|rain|rainy|snowy"
    r"|snowing|raining|foggy|moon|space|ocean|jungle|kitchen|park|garden|day|daytime|storm|stormy"
)
_PICTURE = r"(image|picture|photo|video|clip)"
_CLOSING = rf"( please| now| here| for (me|us)| in (the |these |this |given )*({_PICTURE}|video frames|frames))*[.!?]?$"
_LOOK = r"(look )?(an? )?"
_THINGS = r"(the |its |his |her |their |all )*[\w' -]+?"
_RULES: tuple[tuple[Skill, str], ...] = (
    (Skill.CHANGING, r"\b(in place of|instead of)\b|\bmake an? .+ out of\b|\bput an? .+ where .+ (is|are)\b"),
    (Skill.STYLIZATION, r"\b(re)?styl(e|es|ed|i[sz]e\w*)\b|\bpainting by\b|\bapply an? .*\blook\b"),
    (Skill.STYLIZATION, rf"\b(as|like|into|in) (an? |the )?(\w+ )?({STYLES})\b"),
    (
        Skill.STYLIZATION,
        rf"^(please )?(make|turn|render|redraw) (it|this|everything|the {_PICTURE}) {_LOOK}({STYLES})\b",
    ),
    (Skill.BACKGROUND, r"\b(background|backdrop|scenery|weather|season|environment|sky)\b"),
    (Skill.BACKGROUND, r"\b(change|replace|switch|set) the (scene|setting|location)\b"),
    (Skill.BACKGROUND, r"^(please )?(put|place) it (in|against)\b|\bset the scene\b|\bbehind (it|everything|it all)\b"),
    (Skill.BACKGROUND, r"\bmove (it|everything|the scene) (to|in|into|in front of|against)\b"),
    (
        Skill.REMOVAL,
        r"\b(remove|erase|delete|get rid of|(take|wipe|clear) (away|out|off)|eliminate|without|disappear|vanish"
        r"|leave out)\b",
    ),
    (
        Skill.ADDITION,
        r"\bpaint (an?|some|another) .*\b(on|onto|over|beside|next to|above|under|behind)\b"
        rf"(?!.*\b({SURFACES}){_CLOSING})",
    ),
    (Skill.VISUAL_FEATURE, r"\b(colou?rs?|recolou?r|texture|material|paint|dye|tint|brighter|darker|shinier)\b"),
    (
        Skill.VISUAL_FEATURE,
        rf"\b(turn|change|make|let) {_THINGS} (to |into |in )?((be|become|look) )?(more )?({SURFACES}){_CLOSING}",
    ),
    (Skill.VISUAL_FEATURE, rf"\bshould (be|become|look) (more )?({SURFACES}){_CLOSING}"),
    (Skill.VISUAL_FEATURE, rf"\blook of\b|\bgive {_THINGS} an? ({SURFACES}) (look|finish|colou?r|texture)\b"),
    (Skill.CHANGING, r"\b(replace|swap|exchange|substitute|transform|turn .+ into|change .+ (in)?to|convert)\b"),
    (Skill.ADDITION, r"\b(add|insert|put|place|include|attach|introduce|bring in|(there should|let there) be)\b"),
    (Skill.ADDITION, r"\bdraw (an?|some|another)\b|\blet (an?|some|another) .+ (appear|be|come)\b"),
    (Skill.ADDITION, r"\bgive (it|him|her|them|the)\b"),
    (
        Skill.BACKGROUND,
        rf"^(please )?(make|let|have|set) (it|this|there|the (scene|{_PICTURE})).*\b({_PLACES})\b",
    ),
)
_COMPILED = [(skill, re.compile(pattern, re.IGNORECASE)) for skill, pattern in _RULES]


def find_skill(instruction: str) -> Skill | None:
    """The skill of the eight that an instruction asks for, by its words; None where no rule matches.

    Who is told to highlight, label or mark is told to point at something, as ``pointing`` knows; all else is an edit.
    """
    understood = understand(instruction)
    return understood.skill if understood else pointing_skill(instruction) or _editing_skill(instruction)


def skill_of(instruction: str, otherwise: Skill = Skill.CHANGING) -> Skill:
    """As ``find_skill``, with a skill where no rule matches."""
    return find_skill(instruction) or otherwise


def editing_skill_of(instruction: str, otherwise: Skill = Skill.CHANGING) -> Skill:
    """The editing skill that an instruction asks for, of a pair of clips that is known to be an edit.

    Adding is add, insert, put; removing is remove, erase, delete; a background is what names a background, a sky, a
    season or a place for "it"; a style names one; colour, texture and material, or "make the ... ADJECTIVE", are a
    visual feature; replace and turn into change an object. It is a rule of thumb for weights and for
    metrics by skill; training sees the instruction itself.

    Args:
        instruction: English.
        otherwise: Where no rule matches.
    """
    return _editing_skill(instruction) or otherwise


def _editing_skill(instruction: str) -> Skill | None:
    text = " ".join(instruction.split())
    return next((skill for skill, pattern in _COMPILED if pattern.search(text)), None)
