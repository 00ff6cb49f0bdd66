"""What a pipeline's text encoders make of the empty prompt: its states, and the pooled ones where there are some."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import diffusers
import torch
from torch import Tensor

from veggie_pl.errors import UseError, one_line
from veggie_pl.models.dit.beside import KEY as STATES
from veggie_pl.models.dit.pooled import KEY as POOLED

Encoded = dict[str, Tensor]
_LENGTHS = {"WanPipeline": 512, "CogVideoXPipeline": 226, "LTXPipeline": 128}  # tokens that each is trained with


def _of_video(pipeline: Any) -> Encoded:
    length = _LENGTHS[type(pipeline).__name__]
    states, _ = pipeline.encode_prompt("", do_classifier_free_guidance=False, max_sequence_length=length)
    return {STATES: states[0]}


def _of_ltx(pipeline: Any) -> Encoded:
    length = _LENGTHS[type(pipeline).__name__]
    states, mask, *_ = pipeline.encode_prompt("", do_classifier_free_guidance=False, max_sequence_length=length)
    return {STATES: states[0][mask[0].bool()]}  # it does not read what is masked


def _of_sd3(pipeline: Any) -> Encoded:
    states, _, pooled, _ = pipeline.encode_prompt("", None, None, do_classifier_free_guidance=False)
    return {STATES: states[0], POOLED: pooled[0]}


def _of_flux(pipeline: Any) -> Encoded:
    states, pooled, _ = pipeline.encode_prompt("")
    return {STATES: states[0], POOLED: pooled[0]}


# How the names of a family's pipelines begin, which all read prompts alike; the plain one, and how it is asked.
_FAMILIES: dict[str, tuple[str, Callable[[Any], Encoded]]] = {
    "Wan": ("WanPipeline", _of_video),
    "CogVideoX": ("CogVideoXPipeline", _of_video),
    "LTX": ("LTXPipeline", _of_ltx),
    "StableDiffusion3": ("StableDiffusion3Pipeline", _of_sd3),
    "Flux": ("FluxPipeline", _of_flux),
}
_OTHERS = ("transformer", "transformer_2", "vae", "scheduler", "image_encoder", "feature_extractor")


@torch.no_grad()
def encode_empty_prompt(folder: str, dtype: Literal["float32", "bfloat16"] = "float32") -> Encoded:
    """Encode the empty prompt as the pipeline of a folder does; its text encoders and tokenizers alone are read.

    Args:
        folder: A pipeline folder of diffusers: model_index.json, text encoders and tokenizers.
        dtype: Of the text encoders' weights; T5-XXL takes 19 GB in float32.

    Returns:
        ``prompt_embeds`` (rows, width), and ``pooled_projections`` (width,) of SD3 and FLUX; float32.

    Raises:
        UseError: If it is no such folder, of a pipeline that is not known here, or parts of it are not there.
    """
    index = Path(folder, "model_index.json")
    if not index.is_file():
        raise UseError(f"no pipeline at {folder!r}: no diffusers folder with model_index.json")
    try:
        listed = json.loads(index.read_text())
        name = str(listed["_class_name"])
    except (ValueError, KeyError, TypeError) as problem:
        raise UseError(f"{index} is no JSON of a pipeline: {one_line(problem)}") from problem
    family = next((own for own in _FAMILIES if name.startswith(own)), None)
    if family is None:
        raise UseError(f"{folder!r} holds a {name}; the families that work are {', '.join(_FAMILIES)}")
    kind, encode = _FAMILIES[family]
    parts = [part for part, told in listed.items() if part.startswith(("text_encoder", "tokenizer")) and _is_part(told)]
    if missing := [part for part in parts if not Path(folder, part).is_dir()]:
        raise UseError(
            f"{folder} lacks {' and '.join(missing)}, which encode a prompt. Without them leave out `prompt` and "
            "`pooled_start`: task tokens then stand for the prompt's states, a learned vector, zeros at first, for its "
            "pooled ones"
        )
    cls = getattr(diffusers, kind)
    left = {part: None for part in _OTHERS if part in cls._get_signature_types()}
    options = {"local_files_only": True, "use_safetensors": True, "dtype": getattr(torch, dtype)}
    try:
        pipeline = cls.from_pretrained(folder, **left, **options)
        found = encode(pipeline)
    except (OSError, ValueError, RuntimeError, ImportError, TypeError, AttributeError) as problem:
        raise UseError(
            f"the text encoders of {folder} cannot be read as those of a {name}: {one_line(problem)}"
        ) from problem
    return {name: states.float().contiguous() for name, states in found.items()}


def _is_part(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(one, str) for one in told)  # a part that is left out has nulls
