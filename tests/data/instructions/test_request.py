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


@pytest.mark.parametrize(
    ("instruction", "objects"),
    [
        ("highlight the circle in red and the square in blue", {"red": "circle", "blue": "square"}),
        (
            "Label the dog with red masks, the old cat with blue masks and a man in green.",
            {"red": "dog", "blue": "old cat", "green": "man"},
        ),
        (
            "Please mark the red star in blue, and mark the yellow circle in green, please",
            {"blue": "red star", "green": "yellow circle"},
        ),
        ("highlight the man in red in blue and the dog in green", {"blue": "man in red", "green": "dog"}),
        ("highlight it in red or blue", {}),
        ("mark it in red and blue", {}),
        ("highlight the dog in red and it in blue", {}),
        ("label the big circle in red and the small circle in red", {}),
        ("highlight the red circle in blue", {}),
        ("Which is fastest? Mark the car in red and the bus in blue.", {}),
        ("paint the dog in red and the cat in blue", {}),
    ],
)
def test_several_things_with_a_fill_each_are_asked_for_alone(instruction: str, objects: dict[str, str]) -> None:
    found = find_request(instruction, SCALES).objects
    assert {one.fill: one.instruction for one in found} == {
        fill: f"Please label the {phrase} with {fill} masks." for fill, phrase in objects.items()
    }
    if objects:
        assert find_request(instruction, SCALES).painted == found
