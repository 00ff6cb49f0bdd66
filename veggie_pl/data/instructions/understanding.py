"""The grammar read backwards: of which skill a request is by the grammar's own rules, and what its slots hold.

A text is matched word by word, without case and marks. Where several rules match, that one counts which explains the
most letters itself and leaves the fewest to slots: "the red circle must be gone" is a removal, though it also says that
the circle must be something. ``heard.json`` holds what is understood and never said, in the syntax of regular
expressions: "would you be so kind as to" and the like.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.grammar import RULES, SAID_ELSE
from veggie_pl.data.instructions.surfaces import SURFACES
from veggie_pl.masks.colors import COLORS

_HEARD: dict[str, list[str]] = json.loads(Path(__file__).with_name("heard.json").read_text(encoding="utf-8"))
_ASKED = r"(?: [?])?"
_MARKS = re.compile(r"[.,:!](?=\s|$)")
_SAID = {name: [_MARKS.sub("", one).replace("?", _ASKED) for one in options] for name, options in RULES.items()}
_ALL = {name: [*_SAID.get(name, []), *_HEARD.get(name, [])] for name in _SAID.keys() | _HEARD.keys()}
_PLACES = [one for name, others in SAID_ELSE.items() if re.match(r"(on|at|in) ", name) for one in (name, *others)]
_PICTURE = (  # words for what is no thing in the picture, but the picture or all of it
    "video|clip|picture|image|photo|scene|background|backdrop|scenery|sky|season|weather|style|masks?|setting"
    "|environment|surroundings|it|everything"
)


def _words(most: int, but: str = " ", last: str = " ") -> str:
    """Give a pattern of one to so many words: none of them, and as the last none of others."""
    word = rf"(?!(?:{but})(?: |$))[^ ?]+"
    return rf"(?:{word} ){{0,{most - 1}}}?(?!(?:{last})(?: |$)){word}"


_SLOTS = {
    "phrase": _words(8, but=_PICTURE),
    "new": _words(8),
    "style": _words(3),
    "place": "|".join(map(re.escape, _PLACES)),
    "fill": "|".join(COLORS),
    "question": rf"(?:which|what|who|whose|where|the) {_words(24)}",
}
_OWN = {
    Skill.VISUAL_FEATURE: {"new": SURFACES},  # "the woman should be smiling" is none
    Skill.ADDITION: {"phrase": _words(8, _PICTURE, last=SURFACES)},  # nor "paint a wall red" an addition
    Skill.GROUNDING: {"phrase": _words(8, rf"{_PICTURE}|(?:in|with|using|by) (?:{'|'.join(COLORS)})")},  # of one fill
}
_RULE, _SLOT = re.compile(r"<([\w ]+)>"), re.compile(r"\{([a-z]+)\}")
_BREAK = re.compile(r"(?<=[.!?:;,]) ")
MOST = 60  # words that are looked at; requests of people are shorter
_FEW = "{0,4}"  # openings in a row: one may be two others, and without a limit a line of them is read in 2^n ways


@dataclass(frozen=True)
class Understood:
    """A request by the rule that explains it.

    Args:
        skill: What is asked.
        slots: What fills the slots, in small letters and without marks.
    """

    skill: Skill
    slots: dict[str, str]


@dataclass(frozen=True)
class _Rule:
    skill: Skill
    pattern: re.Pattern[str]
    names: tuple[str, ...]  # of the slots, by group: alternatives may hold one slot each


@lru_cache(maxsize=256)
def understand(text: str) -> Understood | None:
    """Read a request, or the longest part of it between marks that is one; None where no rule matches."""
    for said in _parts(text):
        bodies = [said[start:stop] for start in _starts(said) for stop in _stops(said) if start < stop]
        found = [
            (rule, slots)
            for body in bodies
            for rule in _rules()
            if (match := rule.pattern.fullmatch(body)) is not None
            for slots in [{name: held for name, held in zip(rule.names, match.groups(), strict=True) if held}]
        ]
        if found:
            rule, slots = min(found, key=lambda one: sum(map(len, one[1].values())))
            return Understood(rule.skill, slots)
    return None


def _parts(text: str) -> Iterator[str]:
    """Yield the text and its parts between marks, the longest first; of two as long the later."""
    pieces = [bare for piece in _BREAK.split(" ".join(text.casefold().split())) if (bare := _bare(piece))]
    if sum(len(piece.split()) for piece in pieces) > MOST:
        return
    spans = [(start, stop) for start in range(len(pieces)) for stop in range(start + 1, len(pieces) + 1)]
    for start, stop in sorted(spans, key=lambda span: (span[0] - span[1], -span[0])):
        yield " ".join(pieces[start:stop]).removesuffix(" ?")


def _bare(text: str) -> str:
    text = text.replace("i'd ", "i would ").replace("don't", "do not").replace("?", " ? ")
    return " ".join(re.sub(r"[^\w'? -]", " ", text).split())


def _starts(said: str) -> list[int]:
    """Find where a request may begin: after what is small talk and opening."""
    ends = [found.end() for found in re.finditer(r" ", said)]
    return [0, *(end for end in ends if _before().fullmatch(said, 0, end))]


def _stops(said: str) -> list[int]:
    """Find where a request may end: before what is closing and small talk."""
    starts = [found.start() for found in re.finditer(r" ", said)]
    return [len(said), *(start for start in starts if _after().fullmatch(said, start))]


@lru_cache(maxsize=1)
def _before() -> re.Pattern[str]:
    return re.compile(rf"(?:{_any('chat')} )?(?:(?:{_any('opening')}|{_any('please')}) ){_FEW}")


@lru_cache(maxsize=1)
def _after() -> re.Pattern[str]:
    return re.compile(rf"(?: {_any('closing')}){_FEW}{_ASKED}(?: {_any('after')})?")


@lru_cache(maxsize=1)
def _rules() -> list[_Rule]:
    opening = rf"(?:(?:{_any('opening')}|{_any('please')}) ){_FEW}"
    found = []
    for skill in Skill:
        asking = (
            {"do": "{question}" + _ASKED + " " + opening, "tell": "{question}" + _ASKED + " "}
            if skill is Skill.REASONING
            else {}
        )
        said = [asking.get(how, "") + rule for how in ("do", "tell", "turn") for rule in _SAID[f"{skill} {how}"]]
        if skill is Skill.ADDITION:  # without a place
            said += [rule.replace(" {place}", "") for rule in _SAID["addition do"]]
        for rule in (*said, *_HEARD[skill]):
            pattern, names = _with_slots(_inserted(rule), skill)
            found.append(_Rule(skill, re.compile(pattern), names))
    return found


def _any(name: str) -> str:
    """Give a pattern for all that a rule may say."""
    return f"(?:{'|'.join(_inserted(option) for option in _ALL[name] if option)})"


def _inserted(option: str) -> str:
    """Give the pattern of an alternative with the rules that it names in it, and both articles."""
    option = re.sub(r"\ba (?=[({<\w])", "an? ", option)
    return _RULE.sub(lambda found: f"(?:{'|'.join(map(_inserted, _ALL[found[1]]))})", option)


def _with_slots(pattern: str, skill: Skill) -> tuple[str, tuple[str, ...]]:
    """Put the patterns of slots where they stand, each a group."""
    slots = {**_SLOTS, **_OWN.get(skill, {})}
    names = tuple(_SLOT.findall(pattern))
    return _SLOT.sub(lambda found: f"({slots[found[1]]})", pattern), names
