"""Experts whose answers are easy to foresee."""

import torch
import torch.nn.functional as F
from torch import Tensor

from veggie_pl.experts.protocols import Judgement, Question

WORDS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


class ColorExpert:
    """Implements ``ImageText``: a frame is its mean colour, in [0, 1], and so is a text that names one."""

    digest = "colors"

    def embed_frames(self, frames: Tensor) -> Tensor:
        return F.normalize(((frames.float().cpu() + 1) / 2).mean((2, 3)), dim=1)

    def embed_text(self, text: str) -> Tensor:
        return torch.tensor(next(color for word, color in WORDS.items() if word in text))


class BrightnessModel:
    """Implements ``FrameQuality``: the brighter the better."""

    name = "brightness"
    digest = "brightness"

    def quality(self, frames: Tensor) -> float:
        return float(frames.mean())


class Moody:
    """Implements ``Judge``: follow is 8, quality 3; does not answer about samples whose key ends in 1."""

    name = "moody"
    digest = "moody"
    axes = ("follow", "quality")
    scale = (1.0, 10.0)

    def __init__(self, needs_checklist: bool = False) -> None:
        self.questions: list[Question] = []
        self.needs_checklist = needs_checklist

    def judge(self, question: Question) -> Judgement:
        self.questions.append(question)
        if question.key.endswith("1"):
            return Judgement({}, ("hm",), ("no number in it",), {"repeats": 1})
        return Judgement({"follow": 8.0, "quality": 3.0}, ("8, 3",), (), {"repeats": 1})
