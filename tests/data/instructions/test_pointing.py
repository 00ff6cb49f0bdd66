"""Where a request names the fill, and whether it asks to point at anything at all."""

from collections.abc import Callable

import pytest

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.pointing import named_fill, named_phrase, pointing_skill

FILLS = {
    "With red masks, highlight the green circle.": "red",
    "in red, label the blue ball": "red",
    "In red label the blue ball": "red",
    "highlight the red star using blue": "blue",
    "Use a yellow mask to mark the cyan square": "yellow",
    "label the red star in blue": "blue",
    "Label the red star in BLUE masks.": "blue",
    "Using green, mark the red dog.": "green",
    "Blue: mark the red ball": "blue",
    "By using cyan masks, locate the red square": "cyan",
    "For the red ball, use blue masks.": "blue",
    "Highlight the red dog. Use blue.": "blue",
    "mask colour: blue. Highlight the red star": "blue",
    "highlight in red the green circle": "red",
    "Highlight, with red masks, the green circle.": "red",
    "Highlight the green circle - use red masks": "red",
    "use masks in red to label the green ball": "red",
    "highlight the red ball with a mask that is blue": "blue",
    "highlight the red ball with masks in the color blue": "blue",
    "mark the green star blue": "blue",
    "find the red dog and fill it with blue": "blue",
    "With a red fill, point out the green circle": "red",
    'highlight the "red" circle with "blue" masks': "blue",
    "I want the red star highlighted in blue": "blue",
    "The green circle should be highlighted in red.": "red",
    "Track the blue car in yellow masks throughout the video": "yellow",
    "Segment the cat with a semi-transparent blue colored mask.": "blue",
    # Colours of clothes and of things: what wears them is no fill.
    "Mark the man in the red shirt in blue": "blue",
    "Highlight the man in the red mask with blue masks": "blue",
    "Please locate the man in red across video frames and use blue masks to mark them.": "blue",
    "Which object is red? Mark it in blue.": "blue",
    "Which person wears a red mask? Highlight them with blue masks.": "blue",
    "What is to the left of the red ring, highlight it in green": "green",
    "Where is the green dog? Red masks please": "red",
    "Which one is different? Blue.": "blue",
    "Label the green ball with the red masks": "red",
    # None is named.
    "make a man wear a red mask": None,
    "highlight the red circle": None,
    "highlight the red star and the blue ball": None,
    "label the bottle in the red box": None,
    "Mark everything red.": None,
    "Which man is dressed in red? Highlight him.": None,
    "highlight the red circle with orange masks": None,
    "remove the reddish star": None,
    "": None,
    # Several are, and none can be chosen.
    "mark the star in red or blue": None,
    "label the cats with red and blue masks": None,
    "highlight the dog with red masks and the cat with blue masks": None,
    "mark the man in red on the left in blue": None,
    "Highlight the kids with the red masks in blue": None,
}


SKILLS = {
    "highlight the red circle": Skill.GROUNDING,
    "red masks for the dog": Skill.GROUNDING,
    "Cover the dog with a red mask": Skill.GROUNDING,
    "Paint the red circle with blue masks": Skill.GROUNDING,
    "paint red masks over the dog": Skill.GROUNDING,
    "create a red mask of the dog": Skill.GROUNDING,
    "Put blue masks on the red ball": Skill.GROUNDING,
    "Colour the green circle with a red mask": Skill.GROUNDING,
    "Paint the answer in red.": Skill.REASONING,
    "draw a man with a red mask": None,
    "draw a red mask on the green circle": None,
    "color the hockey mask yellow": None,
    "replace the red mask with a blue mask": None,
    "overlay a green mask on the horse": Skill.GROUNDING,
    "Let the green circle be marked with red masks": Skill.GROUNDING,
    "In these video frames, could you please segment the cat?": Skill.GROUNDING,
    "Which object is the largest?": Skill.REASONING,
    "fill the answer with cyan": Skill.REASONING,
    "the tool for cutting? Show it in red": Skill.REASONING,
    "Show me which object moves, in magenta": Skill.REASONING,
    "Could you tell me which dog is the largest? Mark it in red": Skill.REASONING,
    "make the hockey mask yellow": None,
    "make the yellow mask blue": None,
    "turn the red mask into a blue one": None,
    "change the colour of the mask to red": None,
    "paint a red mask on the wall": None,
    "Put a red mask on the man's face": None,
    "add a man with a red mask": None,
    "give the dog a red mask": None,
    "remove the man in the red mask": None,
    "remove the star marked in red": None,
    "find and remove the red dog": None,
    "Replace the red star with a blue mask": None,
    "paint the door in yellow": None,
    "show a red wall behind everything": None,
    "What if the sky were red?": None,
    "Could you make the label red?": None,
}


KNOWN = [(find, *case) for find, cases in ((named_fill, FILLS), (pointing_skill, SKILLS)) for case in cases.items()]


@pytest.mark.parametrize(("find", "text", "known"), KNOWN)
def test_fill_and_skill_are_found_wherever_they_stand(
    find: Callable[[str], str | Skill | None], text: str, known: str | Skill | None
) -> None:
    assert find(text) == known
    assert find(f"  {text.upper()}\n") == known


def test_several_fills_are_all_told() -> None:
    phrase = named_phrase("label the cats with red, green and blue masks")
    assert phrase is not None
    assert phrase.fills == ("red", "green", "blue")
