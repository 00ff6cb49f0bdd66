"""A judge that runs here: any MLLM of a family that the project reads, from its transformers folder."""

from functools import cached_property
from typing import Any, Literal

import torch

from veggie_pl.errors import UseError, one_line
from veggie_pl.experts.frozen import digest_of_folder, find_device
from veggie_pl.experts.judge.frames import check_asking, shown
from veggie_pl.experts.judge.generate import MAX_PROMPT, generate
from veggie_pl.experts.judge.prompts import VERSION, ModeName, find_mode
from veggie_pl.experts.judge.replies import Reply, conclude
from veggie_pl.experts.protocols import Judgement, Question
from veggie_pl.models.mllm import Mllm


class LocalJudge:
    """Implements ``Judge`` by a transformers image-text-to-text model: frames of both videos, then the question.

    Frames enter as they do in ``Mllm``: one after the other, all of the first video, then all of the second, whatever
    order the text would have them in. Text is generated without sampling unless there is a temperature.

    Args:
        folder: A transformers folder of a family in ``models.vision``, such as LLaVA-OneVision or Qwen3-VL.
        mode: "rating" of three axes from 1 to 10, or "checklist": % of its questions answered by yes.
        repeats: How often each question is asked; the median counts.
        swap: Show the edited video first in every other repeat.
        num_frames: Of each video, evenly spaced.
        side: Longer side of a picture, in pixels, at most.
        temperature: Of sampling; 0 takes the likeliest token.
        seed: Of the first repeat's sampling, one more with each further.
        max_tokens: Of a reply.
        device: "auto" is a GPU where there is one.
        dtype: Of the weights; "bfloat16" halves the memory and changes scores a little.

    Raises:
        UseError: If the folder holds no such model, or not all of it, the mode is unknown or a number cannot be.
    """

    def __init__(
        self,
        folder: str,
        mode: ModeName = "rating",
        repeats: int = 2,
        swap: bool = True,
        num_frames: int = 8,
        side: int = 384,
        temperature: float = 0.0,
        seed: int = 0,
        max_tokens: int = 256,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        check_asking(repeats, num_frames, side)
        if max_tokens < 1 or temperature < 0:
            raise UseError(
                "a judge's max_tokens has to be at least 1 and its temperature at least 0, "
                f"got {max_tokens} and {temperature}"
            )
        self.mode, self.folder, self.device = find_mode(mode), folder, find_device(device)
        self.mllm = Mllm(folder, dtype=dtype, max_text_tokens=MAX_PROMPT).eval().requires_grad_(False).to(self.device)
        self.name = f"{self.mllm.model.config.model_type} ({mode})"
        self.axes, self.scale = self.mode.axes, self.mode.scale
        self.needs_checklist = self.mode.needs_checklist
        self.repeats, self.swap, self.num_frames, self.side = repeats, swap, num_frames, side
        self.temperature, self.seed, self.max_tokens, self.dtype = temperature, seed, max_tokens, dtype

    @property
    def settings(self) -> dict[str, Any]:
        """All that an answer depends on, but for the model."""
        return {
            "prompt": VERSION,
            "mode": self.mode.name,
            "repeats": self.repeats,
            "swap": self.swap,
            "num_frames": self.num_frames,
            "side": self.side,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "dtype": self.dtype,
        }

    @cached_property
    def digest(self) -> str:
        """Of class, prompt, settings and folder content."""
        return digest_of_folder(self, self.folder, self.mllm.model, **self.settings)

    def judge(self, question: Question) -> Judgement:
        """Rate one edit; what the model gets wrong is told in ``failures``."""
        orders = [self.swap and bool(repeat % 2) for repeat in range(self.repeats)]
        order = ["edited first" if one else "source first" for one in orders]
        settings = {**self.settings, "model": self.digest, "order": order}
        if fault := self.mode.fault(question):
            return conclude(self.mode, question, [Reply(failure=fault)], settings)
        known: dict[bool, Reply] = {}  # without sampling a question has one answer
        replies = []
        for repeat, edited_first in enumerate(orders):
            reply = known.get(edited_first) if self.temperature == 0 else None
            known[edited_first] = reply or self._ask(question, edited_first, self.seed + repeat)
            replies.append(known[edited_first])
        return conclude(self.mode, question, replies, settings)

    def _ask(self, question: Question, edited_first: bool, seed: int) -> Reply:
        frames = shown(question, self.num_frames, self.side, edited_first)
        text = self.mode.text(question, len(frames) // 2, edited_first)
        try:
            return generate(self.mllm, frames, text, self.max_tokens, self.temperature, seed)
        except (UseError, torch.OutOfMemoryError) as problem:  # an instruction with tokens of the prompt's own
            return Reply(failure=f"not asked: {one_line(problem)}")
