"""Where an English sentence names the colour of its masks, as in "with red masks" or "using blue"."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from veggie_pl.masks.colors import COLORS

_SHADE = r"(?:(?:bright|dark|light|deep|pale|pure|solid|plain|opaque|(?:semi-?)?transparent|translucent) )?"
_ONE = rf"{_SHADE}[\"'‘“]?(?:{'|'.join(COLORS)})[\"'’”]?"
_FILLS = rf"(?P<fills>\b{_ONE}(?:(?: and | or |/|, (?:and |or )?){_ONE})*)"
_NAMES = re.compile("|".join(COLORS), re.IGNORECASE)
_MASK = (
    r"(?:[ -](?:colou?r(?:ed)?|segmentation|object|(?:semi-?)?transparent|translucent|solid|pixel))*"
    r"[ -](?:mask|overlay|fill|filling|highlight|highlighting|shading|segmentation)"
)
_BY = r"\b(?:using|uses?|by|via|through)"
_WITH = rf"(?:{_BY}|\bwith)"
_FEW = r"(?: (?:an?|some|only|just|colou?red))?"  # not "the": the man with the red mask wears it
_COLOR = r"(?: colou?rs?| paint| ink| tint)?"
_OF_COLOR = rf"(?:an? |the )?(?:colou?r )?{_FILLS}{_COLOR}"
# What may follow a colour that stands alone. A noun would make it the noun's: "in the red box", "with red hair".
_ALONE = (
    r"(?=$|[.,;:!?)]| (?:to|and|or|across|in|on|for|over|throughout|please|now|here|at|by|where\w*|with|using|so|only"
    r"|the|an?|every\w*|each|all|any\w*|this|that|these|those|it|them|him|her|what\w*|which\w*|who\w*)\b)"
)
_END = r"(?=$|[.,;:!?)]| (?:please|now|here|across|throughout|for (?:me|us)|in (?:the|this|these|all|each|every))\b)"
_BEFORE_VERB = r"(?= (?:label|mark|highlight|locate|show|point|find|segment|fill)\b)"
_NO_RESULT = (
    "is are be looks look the a an and or of in with not that one ones thing things everything anything something"
)
_WORN = (
    "the",
    "that",
    "this",
    "his",
    "her",
    "their",
    "its",
    "wear a",
    "wearing a",
    "wears a",
    "wear",
    "wearing",
    "wears",
)
# From sure to weak; whether the colour is said to be that of masks; the pattern.
_PATTERNS = (
    (0, True, rf"(?:{_WITH}{_FEW}|\bin) {_FILLS}{_MASK}s\b"),
    (0, True, rf"{_WITH}{_FEW} (?:\w+ )?masks? (?:in|of|colou?red|that (?:is|are)) {_OF_COLOR}"),
    (1, False, rf"^in {_OF_COLOR}(?:{_ALONE}|{_BEFORE_VERB})"),
    (1, False, rf"^{_FILLS}(?::|[.!]?$)"),
    (2, False, rf"{_WITH} {_OF_COLOR}{_ALONE}"),
    (3, True, rf"{_BY}(?:{_FEW}| the) {_FILLS}{_MASK}\b"),
    (3, True, rf"\b(?:mask|fill)s?(?: colou?rs?)?(?: should be| must be| is| are|:) {_FILLS}{_ALONE}"),
    (3, True, rf"\b(?:mask|fill) colou?rs? {_FILLS}{_ALONE}"),
    (4, True, rf"\bwith{_FEW} {_FILLS}{_MASK}\b"),
    (4, True, rf"{_WITH} the {_FILLS}{_MASK}s\b"),
    (4, False, rf"\bin {_OF_COLOR}{_ALONE}"),
    (5, True, "".join(rf"(?<!\b{word} )" for word in _WORN) + rf"{_FILLS}{_MASK}s?\b"),
    (6, False, "".join(rf"(?<!\b{word} )" for word in _NO_RESULT.split()) + rf"(?<=\w ){_FILLS}{_END}"),
)
_COMPILED = [(rank, masks, re.compile(pattern, re.IGNORECASE)) for rank, masks, pattern in _PATTERNS]
_SUREST = 0

MASKS = re.compile(rf"^{_FILLS}{_MASK}s?\b", re.IGNORECASE)  # at the start
_FRONTS = (
    rf"(?:{_WITH}|in|take){_FEW} {_FILLS}{_MASK}s?\b",
    rf"{_WITH}{_FEW} (?:\w+ )?masks? (?:in|of) {_OF_COLOR}",
    rf"(?:{_WITH}|in) {_OF_COLOR}(?:(?=$|[.,:!]| (?:to|and|please)\b)|{_BEFORE_VERB})",
    rf"{_FILLS}:",
)
FRONT = re.compile(  # a phrase that names a fill at the start of a sentence, with what leads to the verb
    rf"^(?:{'|'.join(_FRONTS)})[,:]?(?: (?:to|and|for this|please)\b)*[,:]? ?".replace("?P<fills>", "?:"), re.IGNORECASE
)


@dataclass(frozen=True)
class FillPhrase:
    """The surest naming of a fill in a text.

    Args:
        fills: The different colours that are named so; where there are several, none can be chosen.
        masks: Whether they are said to be colours of masks.
        sure: Whether it cannot be meant otherwise: "with red masks".
    """

    fills: tuple[str, ...]
    masks: bool
    sure: bool


def fill_phrase(sentences: Iterable[str]) -> FillPhrase | None:
    """The surest naming of a fill, wherever it stands in the sentences."""
    found = [
        (rank, masks, match["fills"].lower())
        for sentence in sentences
        for rank, masks, pattern in _COMPILED
        for match in pattern.finditer(sentence)
    ]
    if not found:
        return None
    best = min(rank for rank, _, _ in found)
    fills = dict.fromkeys(name for rank, _, words in found if rank == best for name in _NAMES.findall(words))
    return FillPhrase(tuple(fills), any(masks for rank, masks, _ in found if rank == best), best == _SUREST)
