"""Which of the eight skills a free-form instruction asks for, by its words."""

import re

from veggie_pl.batch import Skill

# The first rule that matches decides. Verbs that say it all come first; "make it", which all skills use, comes last.
_STYLES = (
    r"anime|cartoon|comic|cyberpunk|ghibli|impressionis\w*|pixar|pixel art|pop art|sketch|sepia|watercolou?r|van gogh"
    r"|monet|picasso|ukiyo-e|oil painting|pencil drawing|line art|claymation|origami|black[- ]and[- ]white|monochrome"
)
_SURFACES = (
    r"red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|golden|gold|silver|beige|cyan|magenta"
    r"|turquoise|maroon|teal|blond|blonde|wooden|metal|metallic|marble|leather|glass|stone|velvet|plastic|furry|fluffy"
    r"|striped|spotted|checkered|shiny|rusty|transparent|older|younger|bigger|smaller|taller|wet|dirty"
)
_PLACES = (
    r"beach|forest|desert|city|street|mountains?|snow|night|sunset|sunrise|winter|summer|autumn|spring|rain|rainy|snowy"
    r"|snowing|raining|foggy|moon|space|ocean|jungle|kitchen|park|garden|day|daytime|storm|stormy"
)
_PICTURE = r"(image|picture|photo|video|clip)"
_INSIDE = rf" in (the |these |this |given )*({_PICTURE}|video frames|frames)"
_LOOK = r"(look )?(an? )?"
_THINGS = r"(the |its |his |her |their |all )*[\w' -]+?"
_RULES: tuple[tuple[Skill, str], ...] = (
    (Skill.CHANGING, r"\b(in place of|instead of)\b"),
    (Skill.STYLIZATION, r"\bstyl(e|es|ed|i[sz]e\w*)\b|\bpainting by\b|\bapply an? .*\blook\b"),
    (Skill.STYLIZATION, rf"\b(as|like|into|in) (an? |the )?(\w+ )?({_STYLES})\b"),
    (
        Skill.STYLIZATION,
        rf"^(please )?(make|turn|render|redraw) (it|this|everything|the {_PICTURE}) {_LOOK}({_STYLES})\b",
    ),
    (Skill.BACKGROUND, r"\b(background|backdrop|scenery|weather|season|environment|sky)\b"),
    (Skill.BACKGROUND, r"\b(change|replace|switch|set) the (scene|setting|location)\b"),
    (Skill.BACKGROUND, r"^(please )?(put|place) it (in|against)\b|\bset the scene\b"),
    (Skill.REMOVAL, r"\b(remove|erase|delete|get rid of|take (away|out|off)|eliminate|without|disappear|clear away)\b"),
    (Skill.VISUAL_FEATURE, r"\b(colou?rs?|recolou?r|texture|material|paint|dye|tint|brighter|darker|shinier)\b"),
    (
        Skill.VISUAL_FEATURE,
        rf"\b(turn|change|make) {_THINGS} (to |into |in )?((be|look) )?(more )?({_SURFACES})({_INSIDE})?[.!?]?$",
    ),
    (Skill.CHANGING, r"\b(replace|swap|exchange|substitute|transform|turn .+ into|change .+ (in)?to|convert)\b"),
    (Skill.ADDITION, r"\b(add|insert|put|place|include|attach|introduce|(there should|let there) be)\b"),
    (Skill.ADDITION, r"\bgive (it|him|her|them|the)\b"),
    (
        Skill.BACKGROUND,
        rf"^(please )?(make|let|have|set) (it|this|there|the (scene|{_PICTURE})).*\b({_PLACES})\b",
    ),
)
_COMPILED = [(skill, re.compile(pattern, re.IGNORECASE)) for skill, pattern in _RULES]


def skill_of(instruction: str, otherwise: Skill = Skill.CHANGING) -> Skill:
    """The editing skill that an instruction asks for.

    Adding is add, insert, put; removing is remove, erase, delete; a background is what names a background, a sky, a
    season or a place for "it"; a style names one; colour, texture and material, or "make the ... ADJECTIVE", are a
    visual feature; replace and turn into change an object. It is a rule of thumb for weights and for
    metrics by skill; training sees the instruction itself.

    Args:
        instruction: English.
        otherwise: Where no rule matches.
    """
    text = " ".join(instruction.split())
    return next((skill for skill, pattern in _COMPILED if pattern.search(text)), otherwise)
