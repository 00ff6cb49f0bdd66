"""Tensors of a folder that are read when they are asked for, under the names that a model has for them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.core_model_loading import revert_weight_conversion

from veggie_pl.models.weight_files import compare, find_weights

_DEFERRED: ContextVar[bool] = ContextVar("deferred", default=False)


@dataclass(frozen=True)
class Stored:
    """A tensor in a file."""

    shape: tuple[int, ...]
    read: Callable[[], Tensor]

    @classmethod
    def of_slice(cls, one: Any) -> "Stored":
        """Take a slice of safetensors."""
        return cls(tuple(one.get_shape()), lambda: one[...])

    @classmethod
    def of_tensor(cls, tensor: Tensor) -> "Stored":
        """Take a tensor in memory."""
        return cls(tuple(tensor.shape), lambda: tensor)


def stored_mllm(model: Any, folder: Path) -> dict[str, Stored] | None:
    """List the weights of an MLLM's folder under the names of a model of that kind.

    Returns:
        Every weight of the model, tied ones too; None where transformers changes more than names, or the folder does
        not hold exactly this model under the names that transformers writes: its own loading has to read it then.

    Raises:
        UseError: If files are missing or torn.
    """
    own = {name.replace(".base_layer.", "."): p for name, p in _tensors(model) if "lora_" not in name}
    slices = find_weights(folder, "model").slices()
    empty = {name: torch.empty(0, device="meta") for name in own}
    names = {id(tensor): name for name, tensor in empty.items()}
    written: dict[str, Tensor] = revert_weight_conversion(model, dict(empty))
    if {id(tensor) for tensor in written.values()} != names.keys() or not slices.keys() <= written.keys():
        return None
    found = {names[id(tensor)]: Stored.of_slice(slices[key]) for key, tensor in written.items() if key in slices}
    tied = {id(own[name]): name for name in found}
    found |= {name: found[tied[id(p)]] for name, p in own.items() if name not in found and id(p) in tied}
    return found if not compare(found, own) else None


@contextmanager
def deferred_weights() -> Iterator[None]:
    """Build MLLMs without their weights, for the time of the block: ranks that share one read their parts later."""
    before = _DEFERRED.set(True)
    try:
        yield
    finally:
        _DEFERRED.reset(before)


def empty_mllm(folder: str, **options: Any) -> tuple[Any, dict[str, Stored]] | None:
    """Build a model of transformers with parameters on the meta device, where weights are deferred.

    Returns:
        The model and its weights in the folder; None where weights are not deferred, or can only be read as a whole.
    """
    if not _DEFERRED.get():
        return None
    with empty_parameters():
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder), **options)
    model.tie_weights()
    stored = stored_mllm(model, Path(folder))
    return None if stored is None else (model.eval(), stored)


@contextmanager
def empty_parameters() -> Iterator[None]:
    """Put parameters on the meta device as they are made; buffers, which no file holds, are computed as ever."""
    register = nn.Module.register_parameter

    def on_meta(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        register(module, name, parameter)
        if parameter is not None:
            module._parameters[name] = nn.Parameter(parameter.to("meta"), parameter.requires_grad)

    nn.Module.register_parameter = on_meta  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = register  # type: ignore[method-assign]


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """List what a state dict holds, with tied tensors the same objects."""
    kept = model.state_dict().keys()
    named: Mapping[str, Tensor] = {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }
    return ((name, named[name]) for name in kept)
