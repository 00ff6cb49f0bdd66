"""Tiny judges as folders: MLLMs that say one fixed thing, and reward models."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoTokenizer

from support.families import FAMILIES
from veggie_pl.models import Mllm

REWARD_TOKENS = ["<|VQ_reward|>", "<|MQ_reward|>", "<|TA_reward|>", "<|IF_reward|>", "<|RQ_reward|>", "<|EE_reward|>"]


def saying(folder: Path, family: str, pieces: list[str]) -> str:
    """A real model whose next token follows from the last one alone: whatever it is asked, it says these pieces."""
    torch.manual_seed(0)
    FAMILIES[family](folder)
    last = Mllm(str(folder)).prompt.text_ids("x")[-1]  # of every prompt
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(pieces)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    model.config.tie_word_embeddings = model.config.get_text_config().tie_word_embeddings = False
    model.resize_token_embeddings(len(tokenizer))
    chain = [last, *tokenizer.convert_tokens_to_ids(pieces), tokenizer.eos_token_id]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "language_model" in name and name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.zero_()
        words, head = model.get_input_embeddings().weight, torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
        for place, (token, following) in enumerate(pairwise(chain)):
            words[token] = torch.nn.functional.one_hot(torch.tensor(place), words.shape[1]).float()
            head[following, place] = 1.0
        model.lm_head.weight = head
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def reward_folder(folder: Path) -> str:
    """A tiny Qwen3-VL in VEFX-Reward's layout."""
    torch.manual_seed(0)
    FAMILIES["qwen3_vl"](folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(REWARD_TOKENS, special_tokens=True)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    place = folder / "model.safetensors"
    weights = load_file(place)
    weights["rm_head.weight"] = torch.sin(torch.arange(3.0 * 32)).view(3, 32)
    save_file(weights, place, metadata={"format": "pt"})
    (folder / "vefx_config.json").write_text(
        '{"num_classes": 4, "output_dim": 3, "use_ordinal": true, "reward_token": "special"}'
    )
    return str(folder)
