"""What the MLLM reads: [vision tokens f1..fn] [instruction] [queries f1 | .. | fn], as token ids and positions."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from veggie_pl.batch import is_blank
from veggie_pl.errors import UseError
from veggie_pl.host import send

_MOST = 4096  # instructions whose ids are kept
_MARKER = "\N{WHITE SQUARE}instruction\N{WHITE SQUARE}"  # stands for the instruction while a chat template is cut


@dataclass(frozen=True)
class Layout:
    """A batch of prompts: three blocks, the middle one padded on its left, so that queries always come last."""

    ids: Int[Tensor, "b n"]
    attention_mask: Int[Tensor, "b n"]
    position_ids: Int[Tensor, "b n"] | Int[Tensor, "3 b n"]  # rotary: a count, or time, height and width
    num_query_tokens: int
    vision_token_id: int
    is_padded: bool  # whether any of the mask is zero: the host's own answer, for which no device is waited for


class Prompt:
    """Turns instructions into ids through the model's own chat template.

    Text with special tokens is refused and queries are found by their place, not by their id: nothing a user writes can
    stand for a frame or a query.

    Args:
        tokenizer: A transformers tokenizer with a chat template.
        vision_token_id: Placeholder that the model replaces by vision features.
        vision_kind: "video" or "image", as the chat template calls it; a video is one part of the message, images are
            one each.
        max_text_tokens: Longest instruction, in tokens.
        around: Tokens that the family's processor puts before and behind the placeholders of an image.

    Raises:
        UseError: If there is no chat template, or one that does not lay out frames one after the other.
    """

    def __init__(
        self,
        tokenizer: Any,
        vision_token_id: int,
        vision_kind: str,
        max_text_tokens: int = 512,
        around: tuple[list[int], list[int]] = ([], []),
    ) -> None:
        self.tokenizer = tokenizer
        self.tokens: dict[str, tuple[list[int], list[int]]] = {}  # of instructions that were read: alone, in the prompt
        self.vision_token_id = vision_token_id
        self.max_text_tokens = max_text_tokens
        self.text_multiple = 1  # texts of a batch are filled up to a multiple of this: fewer shapes
        self.around = around
        if not tokenizer.chat_template:
            raise UseError("the MLLM has no chat template: chat_template.jinja is missing beside its tokenizer")
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special.add(tokenizer.convert_ids_to_tokens(vision_token_id))
        self.special_tokens = sorted(token for token in special if token.strip())
        head, self.tail_text = self._render([vision_kind])
        one, self.tail = self._ids(head), self._ids(self.tail_text)
        if one.count(vision_token_id) != 1:
            raise UseError(f"the chat template gives {one.count(vision_token_id)} vision tokens, expected one")
        block = [vision_token_id]
        place = one.index(vision_token_id)
        if vision_kind == "image":  # what a second image adds is what each image is
            two = self._ids(self._render([vision_kind] * 2)[0])
            size = len(two) - len(one)
            places = (i for i in range(len(one) + 1) if two[:i] + two[i + size :] == one)
            place = next(places, -1)
            block = two[place : place + size]
            if place < 0 or one[place : place + size] != block:
                raise UseError("the chat template does not lay out images one after the other")
        self.before, self.after = one[:place], one[place + len(block) :]
        self.block = block
        # A tokenizer cuts text at special tokens first: what follows the last one is one text with the instruction.
        self.lead_text = head[max(head.rfind(token) + len(token) for token in self.special_tokens if token in head) :]
        self.lead = self._ids(self.lead_text)
        self.filler_id = next(i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if i is not None)

    def _render(self, vision: list[str]) -> tuple[str, str]:
        """Tell what stands before and after the instruction, in a message with these vision parts."""
        content = [*({"type": kind} for kind in vision), {"type": "text", "text": _MARKER}]
        message = [{"role": "user", "content": content}]
        text = self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        head, tail = text.split(_MARKER)
        return head, tail

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def frame_ids(self, num_tokens: int) -> list[int]:
        """Ids of one frame: placeholders, what the processor puts around them and the chat template around that."""
        place = self.block.index(self.vision_token_id)
        before, after = self.around
        placeholders = [self.vision_token_id] * num_tokens
        return [*self.block[:place], *before, *placeholders, *after, *self.block[place + 1 :]]

    def fault(self, instruction: str) -> str | None:
        """Why the model cannot be asked so: the instruction is empty, too long, or holds a token of its own meaning."""
        if is_blank(instruction):
            return "the instruction is empty; say what to do, such as 'remove the red circle'"
        if forged := [token for token in self.special_tokens if token in instruction]:
            return f"the instruction holds {forged[0]!r}, which has a meaning of its own in the prompt"
        self.read([instruction])
        if (length := len(self.tokens[instruction][0])) > self.max_text_tokens:
            del self.tokens[instruction]  # of any length: what is refused is not kept
            return f"the instruction has {len(instruction)} characters, {length} tokens; at most {self.max_text_tokens}"
        return None

    def read(self, instructions: list[str]) -> None:
        """Tokenize together what has not been read yet: one by one, half of a step of a small model would go here."""
        new = [one for one in dict.fromkeys(instructions) if one not in self.tokens]
        if not new:
            return
        if len(self.tokens) + len(new) > _MOST:
            self.tokens = {one: self.tokens[one] for one in instructions if one in self.tokens}
        alone = self.tokenizer(new, add_special_tokens=False, split_special_tokens=True).input_ids
        # Together with its neighbours, as the model has learnt to read it: some tokenizers mark the start of a text.
        whole = self.tokenizer([self.lead_text + one + self.tail_text for one in new], add_special_tokens=False)
        self.tokens |= dict(zip(new, zip(alone, whole.input_ids, strict=True), strict=True))

    def text_ids(self, instruction: str) -> list[int]:
        """Ids of the text block.

        Raises:
            UseError: If ``fault`` finds one.
        """
        if (fault := self.fault(instruction)) is not None:
            raise UseError(fault)
        own, whole = self.tokens[instruction]
        if whole[: len(self.lead)] == self.lead:
            return [*self.after, *whole[len(self.lead) :]]
        return [*self.after, *own, *self.tail]

    def layout(
        self,
        instructions: list[str],
        frame_index: Int[Tensor, "b f"],
        num_queries: int,
        tokens_per_frame: int,
        extra_tokens: int,
        num_slots: int | None,
        num_references: int = 0,
        num_groups: int | None = None,
    ) -> Layout:
        """Lay out a batch.

        Args:
            instructions: One per sample.
            frame_index: Place of each frame in the clip.
            num_queries: Queries per frame.
            tokens_per_frame: Vision tokens of one frame, without those around them.
            extra_tokens: Vision tokens of the clip as a whole, after its frames.
            num_slots: If given, frame j's vision tokens take the rotary positions of slot ``frame_index[j]`` out of
                this many, and text and queries follow the last slot whatever the number of frames: an image then is
                one frame of a clip, at the positions it will have there. If None, positions just count up.
            num_references: Pictures that stand before the frames; with slots they take the first ones, so
                ``frame_index`` has to begin behind them.
            num_groups: Groups of queries: one is the last frame's; more are those of frames as far from each other,
                the first and the last among them; None is one for each frame.

        Raises:
            UseError: If frames cannot have groups so.
        """
        batch = len(frame_index)
        pictures = torch.arange(num_references, device=frame_index.device).expand(batch, -1)
        seen = torch.cat([pictures, frame_index], 1)  # slots of all that the model sees
        num_seen = seen.shape[1]
        asked = frame_index[:, _asked(frame_index.shape[1], num_groups)]
        frame = self.frame_ids(tokens_per_frame)
        head = torch.tensor(self.before + frame * num_seen + [self.vision_token_id] * extra_tokens)
        self.read(instructions)
        texts = [self.text_ids(instruction) for instruction in instructions]
        longest = max(map(len, texts))
        longest += -longest % self.text_multiple
        text = torch.tensor([[self.filler_id] * (longest - len(ids)) + ids for ids in texts])
        is_text = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in texts])
        queries = torch.full((batch, asked.shape[1] * num_queries), self.filler_id)
        ids = torch.cat([head.expand(batch, -1), text, queries], 1)
        mask = torch.cat([torch.ones(batch, len(head), dtype=torch.long), is_text, torch.ones_like(queries)], 1)
        ids, mask = send(torch.stack([ids, mask]), frame_index.device).unbind()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        if num_slots is not None:
            first, stride = len(self.before), len(frame)
            within = torch.arange(stride, device=ids.device)
            slots = seen[:, :, None] * stride + within  # (b, f, tokens)
            end_of_frames = first + num_seen * stride
            positions[:, first:end_of_frames] = first + slots.flatten(1)
            positions[:, end_of_frames:] += (num_slots - num_seen) * stride
            within = torch.arange(num_queries, device=ids.device)
            shift = asked[:, :, None] * num_queries + within  # (b, g, q)
            text_end = positions[:, -queries.shape[1] - 1, None]
            positions[:, -queries.shape[1] :] = text_end + 1 + shift.flatten(1)
        is_padded = any(len(one) < longest for one in texts)
        return Layout(ids, mask, positions, queries.shape[1], self.vision_token_id, is_padded)


def _asked(num_frames: int, num_groups: int | None) -> slice:
    """Tell which frames have a group of queries."""
    if num_groups is None:
        return slice(None)
    if num_groups == 1:
        return slice(-1, None)
    apart, rest = divmod(num_frames - 1, num_groups - 1)
    if rest or not apart:
        raise UseError(f"{num_groups} groups of queries cannot be shared out among {num_frames} frames: 1 + k x every")
    return slice(None, None, apart)


def select_queries(ids: Int[Tensor, "b n"], num_query_tokens: int) -> Bool[Tensor, "b n"]:
    """Tell where the queries stand: the last block."""
    where = torch.zeros_like(ids, dtype=torch.bool)
    where[:, -num_query_tokens:] = True
    return where
