"""What an MLLM says of pictures and a text."""

from typing import Any

import torch

from veggie_pl.experts.judge.frames import Pictures
from veggie_pl.experts.judge.replies import Reply
from veggie_pl.models.mllm import Mllm

MAX_PROMPT = 4096  # tokens of text; the pinned prompts have some 300


@torch.no_grad()
def generate(mllm: Mllm, frames: Pictures, text: str, max_tokens: int, temperature: float, seed: int) -> Reply:
    """Let a model answer; torch's global generators are as before.

    Args:
        mllm: Where its weights are, it runs.
        frames: In [-1, 1], in the order in which they are shown.
        text: What is asked.
        max_tokens: Of the reply; one that is longer is a failure.
        temperature: Of sampling; 0 takes the likeliest token.
        seed: Of sampling.

    Raises:
        UseError: If the text holds tokens of the prompt's own.
    """
    device = next(mllm.parameters()).device
    inputs: dict[str, Any] = mllm.vision_inputs(frames[None].to(device))
    tokens = mllm.vision.tokens_per_frame(*frames.shape[-2:])
    index = torch.arange(len(frames), device=device)[None]
    layout = mllm.prompt.layout([text], index, 0, tokens, mllm.extra_tokens, None)
    if not mllm.vision.counted_positions:  # models that derive positions want to know which tokens are pictures
        inputs["mm_token_type_ids"] = (layout.ids == mllm.prompt.vision_token_id).int()
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        sampling = {"do_sample": True, "temperature": temperature}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        ids = mllm.model.generate(
            input_ids=layout.ids,
            attention_mask=layout.attention_mask,
            max_new_tokens=max_tokens,
            pad_token_id=mllm.prompt.filler_id,
            eos_token_id=mllm.tokenizer.eos_token_id,
            **inputs,
            **sampling,
        )
    own = ids[0, layout.ids.shape[1] :]
    said = mllm.tokenizer.decode(own, skip_special_tokens=True)
    if len(own) >= max_tokens and int(own[-1]) != mllm.tokenizer.eos_token_id:
        return Reply(said, failure="the reply was cut off at max_tokens")
    return Reply(said)
