"""What a judge's reply says, read strictly: whatever is not plainly there is a failure, never a guess.

1. What stands before ``</think>`` is no part of the reply.
2. A reply with a brace is JSON, alone or inside other text or a fence; the last object that names what was asked
   counts, and two that say different things count as none.
3. A reply without one is read line by line: "follow: 7", "- **Follow** = 7/10", "Quality: 8 out of 10 - sharp". A line
   with another number in it is not read. Checklists: "1. yes", "Q2: no".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from veggie_pl.errors import UseError

_SPACE = r"[ \t*_\"'`]*"  # and marks of emphasis; never a new line
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"  # never the digits of other scripts
_REST = _SPACE + r"(?:[.,;:)(\u2013\u2014-][^0-9\n]*)?$"  # words may follow, digits may not
_RATING_LINE = (
    r"^[ \t\-*_#\"'`.]*{axis}" + _SPACE + "[:=]" + _SPACE + _NUMBER + r"(?:[ ]*/[ ]*{most}|[ ]+out of {most})?"
)
_ANSWER_LINE = r"^[ \t\-*_#]*(?:q(?:uestion)?[ ]*)?{number}[ ]*[.:)\-]" + _SPACE + r"(yes|no)\b(?!.*\b(?:yes|no)\b)"


@dataclass
class Read:
    """What was read from one reply: scores by axis, and a line for each thing that could not be read."""

    scores: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_ratings(reply: str, axes: tuple[str, ...], scale: tuple[float, float]) -> Read:
    """Read one number per axis.

    Args:
        reply: As it came.
        axes: Names, in lower case.
        scale: Least and greatest number that counts.
    """
    reply, found = own_words(reply), Read()
    if fault := _no_reply(reply):
        return Read(faults=[fault])
    values: dict[str, Any] = {}
    if "{" in reply:
        said, fault = find_object(reply, set(axes))
        if fault:
            return Read(faults=[fault])
        values = said
    else:
        for axis in axes:
            line = _RATING_LINE.format(axis=axis, most=f"{scale[1]:g}") + _REST
            numbers = re.findall(line, reply, re.M | re.I)
            if len(numbers) > 1:
                found.faults.append(f"{axis} is given {len(numbers)} times")
            elif numbers:
                values[axis] = float(numbers[0])
    for axis in axes:
        if any(fault.startswith(f"{axis} ") for fault in found.faults):
            continue
        if axis not in values:
            found.faults.append(f"no number for {axis}")
        elif fault := _not_on_scale(values[axis], scale):
            found.faults.append(f"{axis} {fault}")
        else:
            found.scores[axis] = float(values[axis])
    return found


def read_answers(reply: str, count: int) -> Read:
    """Read yes or no to each question; all of them, or none counts.

    Args:
        reply: As it came.
        count: Of the questions.

    Returns:
        The share of yes as axis "checklist", in %.
    """
    reply = own_words(reply)
    if fault := _no_reply(reply):
        return Read(faults=[fault])
    if "{" in reply:
        said, fault = find_object(reply, {"answers"})
        answers = said.get("answers")
        if fault or not isinstance(answers, list):
            return Read(faults=[fault or "no list of answers"])
        words = [{True: "yes", False: "no"}.get(one, one) if isinstance(one, bool) else one for one in answers]
    else:
        lines = [re.findall(_ANSWER_LINE.format(number=i) + _REST, reply, re.M | re.I) for i in range(1, count + 1)]
        words = [one[0] for one in lines if len(one) == 1]
    plain = [word.strip().lower().rstrip(".") for word in words if isinstance(word, str)]
    if len(words) != count or len(plain) != count or not {*plain} <= {"yes", "no"}:
        return Read(faults=[f"not {count} answers of yes or no"])
    return Read({"checklist": 100 * plain.count("yes") / count})


def own_words(reply: str) -> str:
    """Cut what stands before ``</think>``, and white space."""
    return reply.rpartition("</think>")[2].strip()


def _no_reply(reply: str) -> str:
    if not reply:
        return "empty reply"
    if not re.search(r"[a-z]", reply, re.I):  # no name of an axis, and no yes or no, is in it
        return "not in English"
    return ""


def find_object(reply: str, names: set[str]) -> tuple[dict[str, Any], str]:
    """Return the JSON object that names what was asked, or why there is none."""
    try:
        objects = [one for one in _objects(reply) if names & one.keys()]
    except UseError as problem:
        return {}, str(problem)
    if not objects:
        return {}, "malformed JSON, or none of " + ", ".join(sorted(names)) + " in it"
    asked = [{name: _number(one[name]) for name in names if name in one} for one in objects]
    if any(one != asked[-1] for one in asked):
        return {}, f"{len(objects)} JSON objects that say different things"
    return asked[-1], ""


def _objects(reply: str) -> Iterator[dict[str, Any]]:
    """Give all JSON objects of a text that are not inside another; keys in lower case.

    Raises:
        UseError: If an object has a key twice.
    """
    decoder, place = json.JSONDecoder(object_pairs_hook=_once), 0
    while (place := reply.find("{", place)) >= 0:
        try:
            found, place = decoder.raw_decode(reply, place)
        except UseError:
            raise
        except (ValueError, RecursionError):  # no JSON, or a number of more digits than Python reads
            place += 1
            continue
        yield found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = key.strip().lower()
        if name in found:
            raise UseError(f"{name} is given twice")
        found[name] = value
    return found


def _number(value: Any) -> Any:
    """Turn the string "7" into a number, and leave all else alone."""
    return float(value) if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()) else value


def _not_on_scale(value: Any, scale: tuple[float, float]) -> str:
    """Tell what is wrong with a value, NaN and infinity included; empty if nothing is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is no number: {value!r}"
    if not scale[0] <= value <= scale[1]:
        return f"is {value}, outside {scale[0]:g} to {scale[1]:g}"
    return ""
