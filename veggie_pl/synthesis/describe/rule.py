"""Descriptions by rule, from what the table says of an example: no model looks at the pictures."""

from functools import cached_property

from veggie_pl.batch import Example, Skill, is_blank
from veggie_pl.seeding import numpy_rng
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Description, ItemError, Still

MOTIONS = (
    "The camera pans slowly to the left.",
    "The camera pans slowly to the right.",
    "The camera moves slowly closer.",
    "The camera moves slowly around the scene, which stays as it is.",
    "Everything moves gently and naturally; the camera stands still.",
)
_SCENE = "a scene"


class RuleDescriber:
    """Implements ``Describer`` by the example's own words: captions where the table has them, else its phrase.

    Args:
        motions: Animation prompts of which the seed picks one. Embedded animators do not read them.
    """

    stored = False  # making it takes less than reading it

    def __init__(self, motions: tuple[str, ...] = MOTIONS) -> None:
        self.motions = tuple(motions)

    @cached_property
    def digest(self) -> str:
        """Class and parameters."""
        return digest_of_step(self, 1, motions=self.motions)

    def describe(self, still: Still, seed: int) -> Description:
        """Describe a pair of pictures.

        Raises:
            ItemError: If the instruction is empty: then nobody knows what the edited picture shows.
        """
        example = still.example
        if is_blank(example.instruction or ""):
            raise ItemError("the instruction is empty")
        before, after = _captions(example)
        rng = numpy_rng("describe", seed)
        motion = self.motions[int(rng.random() * len(self.motions))] if self.motions else ""
        return Description(example.source_caption or before, example.caption or after, motion)


def _captions(example: Example) -> tuple[str, str]:
    """Say what is seen before and after, as far as instruction and phrase tell."""
    phrase = "" if example.skill is Skill.REASONING else example.phrase  # there it is a question
    asked = " ".join((example.instruction or "").split())
    edited = f"{_SCENE}, edited: {asked}"
    match example.skill:
        case Skill.ADDITION if phrase:
            return _SCENE, f"{_SCENE} with {_a(phrase)}"
        case Skill.REMOVAL if phrase:
            return f"{_SCENE} with {_a(phrase)}", f"{_SCENE} without {_a(phrase)}"
        case Skill.GROUNDING if phrase:
            return f"{_SCENE} with {_a(phrase)}", f"{_SCENE} in which the {phrase} is painted {example.fill}".rstrip()
        case _ if phrase:
            return f"{_SCENE} with {_a(phrase)}", edited
        case _:
            return _SCENE, edited


def _a(phrase: str) -> str:
    if phrase.split(" ")[0].lower() in ("a", "an", "the"):
        return phrase
    return f"an {phrase}" if phrase[:1].lower() in "aeiou" else f"a {phrase}"
