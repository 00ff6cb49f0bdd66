"""What a model is asked about a pair of pictures, in words of our own, and how its reply is read."""

import cv2
import numpy as np
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import is_blank
from veggie_pl.experts.judge.parsing import find_object, own_words
from veggie_pl.synthesis.protocols import Description, ItemError, Still
from veggie_pl.video.clip import to_clip

VERSION = "veggie-describe-1"  # of the text below: whoever changes it counts on
NAMES = ("caption", "edited_caption", "motion")
LONGEST = 600  # letters of an answer; a description that is longer is no sentence or two

_TEXT = """You see two pictures. The SECOND one is the FIRST one after this edit: "{instruction}"
Kind of edit: {skill}.

Write, in plain English:
- caption: what the FIRST picture shows, in one sentence.
- edited_caption: the same for the SECOND picture, in the same words where both show the same.
- motion: how the scene of the FIRST picture could move in a short video that begins with it: what moves and how, and \
what the camera does, in one sentence. Nothing may appear, disappear or be cut; what the edit is about stays in sight.

Answer with one JSON object and nothing else, in this form:
{{"caption": "<sentence>", "edited_caption": "<sentence>", "motion": "<sentence>"}}"""


def question(still: Still) -> str:
    """Word the question.

    Raises:
        ItemError: If the instruction is empty.
    """
    example = still.example
    if is_blank(example.instruction or ""):
        raise ItemError("the instruction is empty")
    return _TEXT.format(instruction=example.instruction, skill=example.skill.title)


def pictures(still: Still, side: int) -> Float[Tensor, "2 3 h w"]:
    """Return both pictures in [-1, 1], the longer side at most ``side`` pixels."""
    height, width = still.source.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    both = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (still.source, still.target)]
    return to_clip(np.stack([np.asarray(one) for one in both]))


def read(reply: str) -> Description:
    """Read a reply strictly: one JSON object with three texts that are neither empty nor endless.

    Raises:
        ItemError: If it is anything else; the message holds the reply.
    """
    said, fault = find_object(own_words(reply), set(NAMES))
    texts = [said.get(name) for name in NAMES]
    if not fault:
        for name, text in zip(NAMES, texts, strict=True):
            if not isinstance(text, str) or is_blank(text):
                fault = f"no {name}"
            elif len(text) > LONGEST:
                fault = f"a {name} of {len(text)} letters"
    if fault:
        raise ItemError(f"the model's reply cannot be read: {fault}; it said {reply[:LONGEST]!r}")
    caption, edited, motion = (" ".join(str(text).split()) for text in texts)
    return Description(caption, edited, motion, (reply,))
