"""A judge trained on people's ratings: Qwen3-VL with an ordinal head, as VEFX-Reward (arXiv:2604.16272) is."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import AutoModelForImageTextToText

from veggie_pl.errors import UseError
from veggie_pl.experts.frozen import Frozen
from veggie_pl.experts.judge.ordinal import expected_grade
from veggie_pl.experts.judge.video_input import VideoInput
from veggie_pl.experts.protocols import Judgement, Question
from veggie_pl.models.weight_files import find_weights

VERSION = "veggie-reward-1"
TOKENS = {"follow": "<|IF_reward|>", "quality": "<|RQ_reward|>", "exclusivity": "<|EE_reward|>"}
_HEAD, _PLACE = "rm_head.weight", "{text_prompt}"

_PROMPT = """Video 1 is the original, Video 2 is an edit of it. The request was: "{text_prompt}"

Grade Video 2 on three independent scales from 1 (failed) to 4 (perfect).
Is everything done that was requested, and nothing else in its place? <|IF_reward|>
Does it look natural, sharp and steady over time? <|RQ_reward|>
Is all that was not spoken of as it was in Video 1? <|EE_reward|>
"""


class RewardJudge:
    """Implements ``Judge`` by a reward model: three grades of 1 to 4, as expected values of an ordinal head.

    The layout is that of VEFX-Reward's loader (Visko-Platform/VEFX-Bench@9960eb9, vefx_reward/model.py); the published
    weights themselves were not at hand, and frames are resized once where that loader does it twice. The folder holds:

    - config.json, tokenizer and safetensors of a Qwen3-VL, and among its weights ``rm_head.weight`` of shape (grades
      - 1, width), read at the tokens <|IF_reward|>, <|RQ_reward|> and <|EE_reward|>, which the tokenizer has to know;
    - vefx_config.json with "num_classes" 4, "use_ordinal" true, "reward_token" "special", each the default;
    - prompt.txt if there is one: the text that the model was trained on, with {text_prompt} for the request and each
      of the three tokens once. Without it the words are ours, and scores cannot be compared with published ones.

    Args:
        folder: See above.
        fps: Frames per second of the clips as the judge gets them; the model reads times. VEFX-Reward saw 4.
        max_frames: Evenly spaced ones are taken of longer clips.
        min_pixels: Of a frame; smaller ones are enlarged.
        max_pixels: Of a frame; larger ones are reduced.
        device: "auto" is a GPU where there is one.
        dtype: Of the weights; VEFX-Reward runs in "bfloat16".

    Raises:
        UseError: If the folder holds no such model, or not all of it, or a number cannot be.
    """

    axes = tuple(TOKENS)
    scale = (1.0, 4.0)
    needs_checklist = False

    def __init__(
        self,
        folder: str,
        fps: float = 4.0,
        max_frames: int = 64,
        min_pixels: int = 100_352,
        max_pixels: int = 399_360,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        if fps <= 0 or max_frames < 1 or not 0 < min_pixels <= max_pixels:
            raise UseError(
                "a reward model needs fps above 0, max_frames of at least 1 and min_pixels up to max_pixels, "
                f"got {fps}, {max_frames}, {min_pixels} and {max_pixels}"
            )
        what = "a reward model of video edits"
        self.frozen = Frozen(
            AutoModelForImageTextToText, folder, what, ("qwen3_vl",), device, optional="^rm_head", dtype=dtype
        )
        self.folder, self.tokenizer = folder, self.frozen.tokenizer()
        self.settings: dict[str, Any] = {"prompt": VERSION, "fps": fps, "max_frames": max_frames}
        self.settings |= {"min_pixels": min_pixels, "max_pixels": max_pixels, "dtype": dtype}
        self.name = f"{Path(folder).name} (reward)"
        self.head = self._read_head().to(self.frozen.device)
        self.prompt = self._read_prompt()
        self.input = VideoInput(self.frozen.model, self.tokenizer, self.frozen.image_processor(), self.settings)

    def _read_head(self) -> Float[Tensor, "k d"]:
        config = Path(self.folder, "vefx_config.json")
        try:
            said = json.loads(config.read_text()) if config.is_file() else {}
            grades = int(said.get("num_classes", self.scale[1]))
            kind = (bool(said.get("use_ordinal", True)), str(said.get("reward_token", "special")))
        except (ValueError, TypeError, AttributeError) as problem:
            raise UseError(f"{config} is no JSON of a reward model: {problem}") from problem
        if kind != (True, "special") or grades != self.scale[1]:
            raise UseError(
                f"{config} says use_ordinal {kind[0]}, reward_token {kind[1]!r} and num_classes {grades}; what is read "
                "here is true, 'special' and 4"
            )
        slices = find_weights(Path(self.folder), "model").slices()
        if _HEAD not in slices:
            raise UseError(f"{self.folder} is no reward model: its weights lack {_HEAD}")
        head: Tensor = slices[_HEAD][...].float()
        width = int(self.frozen.model.config.get_text_config().hidden_size)
        if tuple(head.shape) != (grades - 1, width) or not bool(head.isfinite().all()):
            raise UseError(
                f"{_HEAD} of {self.folder} is {[*head.shape]}, expected {[grades - 1, width]} finite numbers"
            )
        return head

    def _read_prompt(self) -> str:
        place = Path(self.folder, "prompt.txt")
        self.settings["own_words"] = not place.is_file()
        prompt = place.read_text(encoding="utf-8") if place.is_file() else _PROMPT
        if wrong := [text for text in (_PLACE, *TOKENS.values()) if prompt.count(text) != 1]:
            raise UseError(f"{place} has to hold {wrong[0]} exactly once")
        rows = len(self.frozen.model.get_input_embeddings().weight)
        vocabulary = self.tokenizer.get_vocab()
        if wrong := [text for text in TOKENS.values() if vocabulary.get(text, rows) >= rows]:
            raise UseError(f"tokenizer and weights of {self.folder} do not know {wrong[0]}")
        return prompt

    @cached_property
    def digest(self) -> str:
        """Of class, settings, folder content and head."""
        head = [f"{value:.9g}" for value in self.head.flatten().tolist()]
        return self.frozen.digest(self, head=head, **self.settings)

    def judge(self, question: Question) -> Judgement:
        """Grade one edit; the raw reply is the head's logits."""
        settings = {**self.settings, "model": self.digest}
        special = {str(token) for token in self.tokenizer.added_tokens_decoder.values()}
        if forged := sorted(token for token in special if token in question.instruction):
            return Judgement({}, ("",), (f"reply 1: not asked: the instruction holds {forged[0]!r}",), settings)
        logits = self._logits(question)
        reply = json.dumps({axis: row.tolist() for axis, row in zip(self.axes, logits, strict=True)})
        scores, failures = {}, []
        for axis, row in zip(self.axes, logits, strict=True):
            if bool(row.isfinite().all()):
                scores[axis] = float(expected_grade(row))
            else:
                failures.append(f"reply 1: {axis} is no number")
        return Judgement(scores, (reply,), tuple(failures), settings)

    @torch.no_grad()
    def _logits(self, question: Question) -> Float[Tensor, "3 k"]:
        text = self.prompt.replace(_PLACE, question.instruction)
        inputs: dict[str, Any] = self.input(question.source, question.edited, text)
        ids: Int[Tensor, "1 n"] = inputs["input_ids"]
        hidden = self.frozen.model.model(**inputs, use_cache=False).last_hidden_state[0]
        places = [int((ids[0] == self.tokenizer.convert_tokens_to_ids(one)).nonzero()) for one in TOKENS.values()]
        logits: Tensor = hidden[places].float() @ self.head.T
        return logits.cpu()
