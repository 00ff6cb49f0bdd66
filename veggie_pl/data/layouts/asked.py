"""Which skill an editing instruction asks for, judged by its words, for data sets that do not say it."""

import re

from veggie_pl.batch import Skill

# The first that fits wins: a style says more than the verb before it, and colours are named in every kind of request.
RULES: tuple[tuple[Skill, str], ...] = (
    (
        Skill.STYLIZATION,
        r"styl(e|iz|is)|\b(painting|watercolou?r|sketch|cartoon|anime|comic|pixel art|oil paint|mosaic|engraving|"
        r"drawing|charcoal|ukiyo|impressionis\w*|cubis\w*|surreal\w*|sepia|monochrome|film noir|"
        r"black and white|claymation|origami|cyberpunk|steampunk|van gogh|picasso|monet|ghibli)\b",
    ),
    (
        Skill.REMOVAL,
        r"\b(remove|removing|delete|deleting|erase|erasing|eliminate|discard|get rid of|take (away|out|off)|"
        r"take \w+( \w+)? (away|out|off)|without|disappear|vanish|no longer)\b|^clear (away|out)\b",
    ),
    (
        Skill.BACKGROUND,
        r"\b(background|backdrop|scenery|weather|season|sunset|sunrise|night ?time|day ?time|at night|dusk|dawn|"
        r"rainy|snowy|foggy|sunny|cloudy|stormy|winter|autumn|spring ?time|summer)\b|"
        r"\b(set|move|put|place|make|take) (it|them|him|her|the scene|the subject) (in|into|on|onto|at|to|under)\b",
    ),
    (
        Skill.CHANGING,
        r"\b(replace|swap|exchange|substitute|transform|morph)\b|\b(turn|convert|change) .+ (into|to|for) an? |"
        r"\b(were|was|becomes?) an? |"
        r"\binstead of\b",
    ),
    (
        Skill.ADDITION,
        r"\b(add|adding|insert|include|introduce|attach|put|place|give|draw|bring in|there should be|"
        r"there be|let .+ (have|wear|hold)|have .+ (wear|hold)|wearing|with an? )\b",
    ),
    (
        Skill.VISUAL_FEATURE,
        r"\b(colou?r\w*|recolou?r|texture|material|red|green|blue|yellow|orange|purple|pink|brown|black|white|gr[ae]y|"
        r"gold\w*|silver\w*|wood\w*|metal\w*|glass|marble|leather|stone|plastic|brick|furry|shiny|glow\w*|bright\w*|"
        r"dark\w*|rusty|transparent|larger|smaller|bigger|taller|older|younger)\b",
    ),
)
_RULES = tuple((skill, re.compile(pattern)) for skill, pattern in RULES)


def asked(instruction: str) -> Skill:
    """The editing skill whose words come first in ``RULES``; an instruction without any changes an object.

    A rule of thumb: it decides under which skill a sample is counted and weighted, never what the model is shown.
    """
    words = instruction.lower()
    return next((skill for skill, pattern in _RULES if pattern.search(words)), Skill.CHANGING)
