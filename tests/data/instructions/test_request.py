"""From an instruction to how it is edited."""

import pytest

from veggie_pl.batch import Skill, per_skill
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.guidance import Guidance

SCALES = per_skill(
    {str(skill): Guidance(float(number)) for number, skill in enumerate(Skill)}, Guidance(99.0), "guidance"
)


def test_words_decide_where_there_are_no_labels() -> None:
    request = find_request("With red masks, highlight the green circle.", SCALES)
    assert (request.skill, request.fill, request.guidance) == (Skill.GROUNDING, "red", SCALES["grounding"])
    unknown = find_request("hmm", SCALES)
    assert (unknown.skill, unknown.guidance) == (None, SCALES["default"])


def test_labels_go_before_words() -> None:
    request = find_request("the red one", SCALES, Skill.REASONING, "blue")
    assert (request.skill, request.fill, request.guidance) == (Skill.REASONING, "blue", SCALES["reasoning"])
    assert find_request("highlight it in red", SCALES, Skill.REMOVAL).fills == ()


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("highlight the red square", "names no fill colour; the choices are red, green, blue"),
        ("mark it in red or blue", "names red and blue, and not which of them is the fill: name one"),
        ("add a man with a red mask", "asks for addition, which fills nothing"),
    ],
)
def test_request_without_one_fill_says_why(instruction: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _ = find_request(instruction, SCALES).fill
