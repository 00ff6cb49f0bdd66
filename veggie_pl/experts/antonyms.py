"""Quality without a reference as any model of images and text sees it: nearer to good words or to bad ones."""

import hashlib
import json
from functools import cached_property

import torch

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.experts.protocols import ImageText

LOGIT_SCALE = 100.0  # of CLIP after training


class AntonymQuality:
    """Implements ``FrameQuality`` in the manner of CLIP-IQA (arXiv:2207.12396): "Good photo." against "Bad photo.".

    The mean over frames of softmax(s cos(frame, good), s cos(frame, bad)) at good, in [0, 1]. It is CLIP-IQA's idea by
    a model as it was trained; its authors' ResNet without position embeddings gives other numbers. It is no DOVER.

    Args:
        expert: Such as ``ClipExpert``.
        good: What a good frame is called.
        bad: And a bad one.
        scale: s, 100 as in CLIP.

    Raises:
        UseError: If both words are the same.
    """

    def __init__(
        self, expert: ImageText, good: str = "Good photo.", bad: str = "Bad photo.", scale: float = LOGIT_SCALE
    ) -> None:
        if good == bad:
            raise UseError(f"good and bad frames have the same name {good!r}")
        self.expert, self.words, self.scale = expert, (good, bad), scale
        self.name = f"CLIP-IQA-style, {good!r} against {bad!r}"

    @cached_property
    def digest(self) -> str:
        """Class, words and the expert's digest."""
        text = json.dumps([type(self).__qualname__, self.words, self.scale, self.expert.digest])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def quality(self, frames: Clip) -> float:
        """Return a number in [0, 1]; higher is better."""
        words = torch.stack([self.expert.embed_text(text) for text in self.words])
        likeness = self.expert.embed_frames(frames).double() @ words.double().T
        return float((self.scale * likeness).softmax(-1)[:, 0].mean())
