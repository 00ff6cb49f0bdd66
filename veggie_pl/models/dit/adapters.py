"""Low-rank adapters in a diffusion transformer, by peft, and its folders for diffusers alone."""

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from veggie_pl.errors import UseError
from veggie_pl.models.dit.adapter_files import keep_float32, load_adapters, save_adapters
from veggie_pl.models.lora import merge
from veggie_pl.models.parts import PARTS, part_of, reads_jointly
from veggie_pl.models.stored import empty_parameters


@dataclass(frozen=True)
class DenoiserLora:
    """Low-rank adapters (LoRA, arXiv:2106.09685) in the linear layers of some parts; at first they change nothing.

    Args:
        rank: Of each update.
        alpha: Updates are scaled by ``alpha / rank``.
        dropout: Of the adapters' input.
        targets: Parts by the names that ``freeze`` has for them, without "denoiser.".
    """

    rank: int = 64
    alpha: int = 64
    dropout: float = 0.0
    targets: tuple[str, ...] = ("self_attention", "cross_attention")


def put_in(transformer: Any, lora: DenoiserLora | None, adapters: str | None) -> None:
    """Put new adapters into a transformer of diffusers, or trained ones, or none; in float32 whatever the weights are.

    Raises:
        UseError: If both are asked for, or either cannot be.
    """
    if lora is not None and adapters is not None:
        raise UseError(f"lora makes new adapters and {adapters!r} holds trained ones: give one of the two")
    if lora is not None:
        add_adapters(transformer, lora)
        keep_float32(transformer)
    if adapters is not None:
        load_adapters(transformer, adapters)


def add_adapters(transformer: Any, lora: DenoiserLora) -> None:
    """Put new adapters into a transformer of diffusers.

    Raises:
        UseError: If a part is unknown, or none of them has a linear layer.
    """
    from peft import LoraConfig  # seconds to import, and few models have adapters

    if unknown := [part for part in lora.targets if part not in PARTS]:
        raise UseError(f"lora.targets: {unknown} are no parts; the choices are {', '.join(PARTS)}")
    names = [f"transformer.{name}" for name, _ in transformer.named_parameters()]
    joint = reads_jointly(names)
    layers = [
        name
        for name, layer in transformer.named_modules()
        if isinstance(layer, nn.Linear) and part_of(f"transformer.{name}.weight", joint) in lora.targets
    ]
    if not layers:
        raise UseError(f"lora.targets: {type(transformer).__name__} has no linear layers in {', '.join(lora.targets)}")
    exactly = "|".join(map(re.escape, layers))  # a list would be of names' ends, and take layers of other parts too
    settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=exactly)
    transformer.add_adapter(settings)


def has_adapters(transformer: Any) -> bool:
    """Tell whether adapters have been put in."""
    return bool(getattr(transformer, "peft_config", None))


def without_adapters(denoiser: Any) -> Any:
    """Return the denoiser with its adapters added into its weights: itself where it has none, else a copy.

    The copy lies on the CPU, in float32: what adapters change is less than 16 bits tell apart.
    """
    if not has_adapters(denoiser.transformer):
        return denoiser
    made: dict[int, Any] = {}  # in place of each tensor, so that none is copied where it lies
    for parameter in denoiser.parameters():
        made[id(parameter)] = nn.Parameter(parameter.detach().to("cpu", torch.float32, copy=True), False)
    plain = merge(copy.deepcopy(denoiser, made).cpu())
    plain.register_to_config(dtype="float32")
    del plain.transformer.peft_config
    plain.transformer._hf_peft_config_loaded = False
    return plain


def save_for_diffusers(model: Any, folder: Path, adapters: str = "merged") -> None:
    """Write what diffusers reads alone: the folders ``transformer``, ``vae`` and ``scheduler`` of a pipeline.

    What a denoiser has beside its transformer, an embedding of the source, goes to a file of its own.

    Args:
        model: A ``VeggieModel``.
        folder: Where to.
        adapters: The diffusion model's: "merged" into the transformer; "separate" leaves it as it was without them and
            writes ``pytorch_lora_weights.safetensors``, which the pipelines' ``load_lora_weights`` reads.

    Raises:
        UseError: If its diffusion model is no transformer, or has no adapters to keep separate.
    """
    denoiser = model.viddm
    if not hasattr(denoiser, "transformer"):
        raise UseError(f"{type(denoiser).__name__} is no diffusion transformer: its model folder is what it can be")
    if adapters == "separate":
        if not has_adapters(denoiser.transformer):
            raise UseError("the diffusion model has no adapters that could be stored separately")
        save_adapters(denoiser.transformer, folder)
        transformer = _base(denoiser.transformer)
    else:
        transformer = without_adapters(denoiser).transformer
    transformer.save_pretrained(str(folder / "transformer"))
    model.vae.save_pretrained(str(folder / "vae"))
    model.objective.scheduler.save_pretrained(str(folder / "scheduler"))
    beside = {key: value for key, value in denoiser.state_dict().items() if not key.startswith("transformer.")}
    if beside:
        save_file({key: value.contiguous() for key, value in beside.items()}, folder / "source_embedding.safetensors")


def _base(transformer: Any) -> Any:
    """Return it as it was before adapters were put in; its weights are not copied."""
    state = {k.replace(".base_layer.", "."): v for k, v in transformer.state_dict().items() if "lora_" not in k}
    with empty_parameters():
        base = type(transformer).from_config(transformer.config)
    base.load_state_dict(state, assign=True)
    return base
