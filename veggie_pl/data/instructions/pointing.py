"""Requests to point at something: whether a text is one, whether it asks a question, and the fill it names."""

import re

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.color_phrases import FRONT, MASKS, FillPhrase, fill_phrase
from veggie_pl.data.instructions.understanding import understand


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{pattern})\b", re.IGNORECASE)


_POINT = (
    r"highlight|label|mark|locali[sz]e|locate|segment|ground|point|identify|detect|find|indicate|pinpoint|spot|annotate"
    r"|tag|mask|track|flag|(?:single|pick) out|delineate|look for|search for|tell (?:me|us)"
    r"|(?:show|give|see|say|name|guess) (?:me |us )?(?=where|which|what|who)"
)
_EDIT = (
    r"add|put|place|insert|remove|erase|delete|replace|swap|exchange|turn|change|make|set|give|let|have|transform|convert"
    r"|substitute|take|get|eliminate|include|attach|introduce|restyle|styli[sz]e|apply|render|recolou?r|move|bring|wipe"
    r"|leave|create|generate|paint|colou?r|tint|dye|draw"
)
_POINTING, _EDITING = _words(_POINT), _words(_EDIT)
_WITH_ANY_FILL = _words(
    "show|display|reveal|select|circle|outline|trace|fill|cover|shade|overlay|emphasi[sz]e|visuali[sz]e"
)
_WITH_MASKS = _words(r"(?:paint|colou?r|tint|dye)(?! (?:an?|some|another)\b)")
_MAKING = _words(
    r"(?:add|put|place|draw|paint|create|generate|produce|give (?:me|us)|make|apply|lay|overlay|cast|return)"
    r"(?: an?| some)?"
)
_UPON = re.compile(r"\b(?:over|onto|of|for|covering|across|around|on top of|where\w*)\b", re.IGNORECASE)
_OVERLAYING = _words(r"give|apply|lay|overlay|cast|return|produce")
_THEN_EDITING = _words(rf"\w+ (?:and|then|and then) (?:{_EDIT})")
_MARKED = re.compile(
    r"\b(?:be|(?:want|need|like|have|get) .+?)"
    r" (?:highlighted|labell?ed|marked|segmented|annotated|masked|outlined) (?:in|with|using|by)\b",
    re.IGNORECASE,
)
_OPENER = _words(
    r"please|kindly|now|then|next|first|finally|and|also|just|ok|okay|hi|hello|hey|so|let us|let's"
    r"|(?P<asks>(?:can|could|would|will|should|must) (?:you|we|i)|you (?:should|must|can|could|have to|need to))"
    r"|i(?: would|'d)? (?:like|want|need|wish) (?:you to|to)|help me(?: to)?|try to|your task is to"
    r"|(?:in|across|throughout|for|within|from|on) (?:all |each |every |the |this |these |given )*"
    r"(?:video frames?|videos?|clips?|frames?|images?|pictures?|photos?)"
)
_ASKS_WHICH = _words(r"(?:which|what|who|whose|whom|where)(?:'s)?(?! (?:if|about)\b)")
_ASKS = _words(
    r"which|what|who|whose|whom|where|when|why|how|is|are|was|were|does|do|did|has|can|could|would|will|should"
)
_ANSWER = re.compile(r"\b(?:your|the|its|my) answers?\b", re.IGNORECASE)
_POINTS_AT_WHICH = _words(r"\w+(?: (?:me|us|at|to|out))* (?:what|which|who|whose|whom|where)")
_SENTENCES = re.compile(rf"(?<=[.?!;])\s+|(?<=[,:])\s+(?=(?:please |then |and )*(?:{_POINT})\b)", re.IGNORECASE)


def pointing_skill(text: str) -> Skill | None:
    """Grounding or reasoning, if the text asks to point at something.

    Who is told to highlight, label, mark or locate points. Who is told to fill or show does where a fill is named, and
    who is told to paint or put something where it is masks: "paint the mask red", "make the mask yellow", "paint a red
    mask on the wall" and "add a man with red masks" are edits, "put red masks on the wall" is none. It is reasoning
    where a question is asked, or an answer is to be marked.
    """
    questions, orders = _parts(text)
    phrase = named_phrase(text)
    leads = [_lead(order) for order in orders]
    points = next((told for lead in leads if (told := _told_to_point(lead, phrase)) is not None), None)
    if points is None:  # no verb says it: "red masks for the dog", or nothing but a question
        points = any(_ASKS_WHICH.match(question) for question in questions) or (phrase is not None and phrase.masks)
    if not points:
        return None
    reasoning = questions or _ANSWER.search(text) or any(_POINTS_AT_WHICH.match(lead) for lead in leads)
    return Skill.REASONING if reasoning else Skill.GROUNDING


def named_phrase(text: str) -> FillPhrase | None:
    """The phrase that names the fill, wherever it stands; in a question only where it cannot be meant otherwise."""
    questions, orders = _parts(text)
    phrase = fill_phrase(orders)
    if phrase is None and (asked := fill_phrase(questions)) is not None and asked.sure:
        return asked
    return phrase


def named_fill(text: str) -> str | None:
    """The fill that a request to point names, as in "label the red star in blue"; None if none or several."""
    fills = named_fills(text)
    return fills[0] if len(fills) == 1 else None


def named_fills(text: str) -> tuple[str, ...]:
    """All fills that a request to point names, where none can be chosen; by the grammar where no phrase is found."""
    if (phrase := named_phrase(text)) is not None:
        return phrase.fills
    understood = understand(text)
    return (understood.slots["fill"],) if understood is not None and "fill" in understood.slots else ()


def _told_to_point(lead: str, phrase: FillPhrase | None) -> bool | None:
    """By the verb a sentence starts with; None where it tells nothing."""
    if _THEN_EDITING.match(lead):  # "find and remove"
        return False
    if _MARKED.search(lead) or _POINTING.match(lead):
        return True
    if (making := _MAKING.match(lead)) and (masks := MASKS.match(lead[making.end() :].lstrip())):
        many = masks.group().lower().endswith("s")  # in the plural they are how fills are asked for
        return many or bool(_OVERLAYING.match(lead) or _UPON.search(lead[making.end() + masks.end() :]))
    if _WITH_ANY_FILL.match(lead) and phrase is not None:
        return True
    if _WITH_MASKS.match(lead):
        return phrase is not None and (phrase.masks or bool(_ANSWER.search(lead)))
    return False if _EDITING.match(lead) else None


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Questions and orders."""
    sentences = [part for part in _SENTENCES.split(" ".join(text.split())) if part]
    asked = [_is_question(sentence) for sentence in sentences]
    questions = [sentence for sentence, is_question in zip(sentences, asked, strict=True) if is_question]
    return questions, [sentence for sentence, is_question in zip(sentences, asked, strict=True) if not is_question]


def _is_question(sentence: str) -> bool:
    """Whether something is asked rather than told; to be asked whether one could label it is to be told."""
    lead = _lead(sentence)
    if _MARKED.search(sentence):
        return False
    if _ASKS_WHICH.match(lead) or (sentence.endswith("?") and _ASKS.match(lead)):
        return True
    verbs = (_POINTING, _EDITING, _WITH_ANY_FILL, _WITH_MASKS)
    told = any(verb.match(lead) for verb in verbs) or lead != sentence
    return sentence.endswith("?") and not told


def _lead(sentence: str) -> str:
    """The sentence without what stands before its verb: "Could you please use red masks to label it" -> "label it"."""
    while (opener := _OPENER.match(sentence) or FRONT.match(sentence)) and opener.end():
        sentence = sentence[opener.end() :].lstrip(" ,:")
    return sentence
