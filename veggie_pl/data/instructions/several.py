"""Requests that name several things and a fill for each: "highlight the circle in red and the square in blue"."""

import re

from veggie_pl.data.instructions.sought import Pointing, label_request
from veggie_pl.masks.colors import COLORS

_VERB = (
    r"(?:highlight|label|mark|locali[sz]e|locate|segment|identify|detect|find|indicate|annotate|mask|show|point out)"
)
_OPENING = re.compile(rf"^.*?\b{_VERB} ", re.IGNORECASE)
_MASKS = r"(?: colou?r(?:ed)?)?(?: (?:masks?|overlays?|fills?|highlights?))?"
_OBJECT = re.compile(
    rf"(?:{_VERB} )?(?:(?:the|an?|all|every|this|that|these|those) )?(?!(?:it|them|him|her) )(?P<phrase>.+?)"
    rf",? (?:in|with|using|by)(?: an?| the)? (?P<fill>{'|'.join(COLORS)}){_MASKS}"
    r"(?:,? please)?(?:[.!?]*$|(?:[,;]? and |[,;] )(?:then |also |please )*(?=\S))",
    re.IGNORECASE,
)


def named_objects(instruction: str) -> tuple[Pointing, ...]:
    """Find the things that a request names with a fill each, and ask for each of them alone.

    >>> [one.instruction for one in named_objects("Highlight the circle in red and the square in blue.")]
    ['Please label the circle with red masks.', 'Please label the square with blue masks.']

    A rule of thumb, as ``find_skill`` is.

    Args:
        instruction: English, a request to point.

    Returns:
        Nothing where a part of the request is no thing with its fill, or a fill comes twice.
    """
    text = " ".join(instruction.split())
    opening = _OPENING.match(text)
    place, found = opening.end() if opening else len(text), []
    while place < len(text):
        one = _OBJECT.match(text, place)
        if one is None:
            return ()
        found.append(Pointing(label_request(one["phrase"], one["fill"].lower()), one["fill"].lower()))
        place = one.end()
    fills = {one.fill for one in found}
    return tuple(found) if len(fills) == len(found) > 1 else ()
