"""What judges are asked, in words of our own that never change under one version."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from veggie_pl.errors import UseError
from veggie_pl.experts.judge.parsing import Read, read_answers, read_ratings
from veggie_pl.experts.protocols import Question

VERSION = "veggie-judge-1"  # of all texts below: whoever changes one of them counts on
ModeName = Literal["rating", "checklist"]

_ORDER = """You see {total} pictures: first {half} frames of the {first} video in order of time, then {half} frames of \
the {second} video at the same moments."""

_RATING = """You judge how well a video was edited. {order}

The request was: "{instruction}"
Kind of edit: {skill}.{hint}

Rate the EDITED video with three whole numbers from 1 (worst) to 10 (best). Each number stands alone: a bad one must \
not pull the others down.
- follow: is all that the request asks for there, and as it says? If nothing changed, or the wrong thing, give 1.
- preserve: did all that the request does not speak of stay as it is in the SOURCE video: things, people, background, \
light, movement of the camera? If it looks like another video, give 1.
- quality: does the EDITED video look real, sharp and steady over time, without flicker, smears or broken shapes?

Answer with one JSON object and nothing else, in this form:
{{"follow": <1-10>, "preserve": <1-10>, "quality": <1-10>, "reason": "<one sentence in English>"}}"""

_PAINTED = """ The answer to it is the SOURCE video with the region in question filled by one colour: a well placed, \
well shaped and steady filling is what to look for."""

_CHECKLIST = """You check an edited video against a list of questions. {order}

The request was: "{instruction}"
Kind of edit: {skill}.{hint}

Answer each question about the EDITED video by yes or no. Where you cannot tell, answer no.
{questions}

Answer with one JSON object and nothing else, with {count} answers in the order of the questions, in this form:
{{"answers": ["<yes or no>", ...]}}"""


@dataclass(frozen=True)
class Mode:
    """One way of asking.

    Args:
        name: In settings.
        axes: What is rated.
        scale: Least and greatest score.
        template: The text.
        read: Reads a reply to a question.
        needs_checklist: Whether a question without one cannot be asked.
    """

    name: str
    axes: tuple[str, ...]
    scale: tuple[float, float]
    template: str
    read: Callable[[str, Question], Read]
    needs_checklist: bool = False

    def fault(self, question: Question) -> str:
        """Tell why a question cannot be asked; empty if it can."""
        return "there is no checklist to answer" if self.needs_checklist and not question.checklist else ""

    def text(self, question: Question, num_frames: int, edited_first: bool) -> str:
        """Word a question.

        Args:
            question: Whose instruction and checklist are asked about.
            num_frames: Pictures of each of the two videos.
            edited_first: Which video's frames come first.
        """
        first, second = ("EDITED", "SOURCE") if edited_first else ("SOURCE", "EDITED")
        return self.template.format(
            order=_ORDER.format(total=2 * num_frames, half=num_frames, first=first, second=second),
            instruction=question.instruction,
            skill=question.skill.title,
            hint=_PAINTED if question.skill.is_painted else "",
            questions="\n".join(f"{i}. {text}" for i, text in enumerate(question.checklist, 1)),
            count=len(question.checklist),
        )


_AXES, _SCALE = ("follow", "preserve", "quality"), (1.0, 10.0)


def _ratings(reply: str, question: Question) -> Read:
    return read_ratings(reply, _AXES, _SCALE)


def _answers(reply: str, question: Question) -> Read:
    return read_answers(reply, len(question.checklist))


MODES = {
    "rating": Mode("rating", _AXES, _SCALE, _RATING, _ratings),
    "checklist": Mode("checklist", ("checklist",), (0.0, 100.0), _CHECKLIST, _answers, needs_checklist=True),  # % yes
}


def find_mode(name: str) -> Mode:
    """Return a way of asking by its name.

    Raises:
        UseError: If there is none.
    """
    if name not in MODES:
        raise UseError(f"judges have no mode {name!r}; the choices are {', '.join(MODES)}")
    return MODES[name]
