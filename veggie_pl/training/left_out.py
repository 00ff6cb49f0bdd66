"""Checkpoints without what is frozen and lies in a folder that can be named: of 30 GB at paper size, 16."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.tensor_digest import digest_of
from veggie_pl.training.fsdp import plain

LEFT_OUT = "left_out"  # in a checkpoint: part -> folder, digest, keys
PARTS = ("mllm", "vae")  # those that come from folders


def frozen_keys(module: nn.Module, name: str) -> list[str]:
    """List the keys of a part that is frozen, but for adapters in it; none if something of it learns."""
    part = module.get_submodule(name)
    if any(parameter.requires_grad for key, parameter in part.named_parameters() if "lora_" not in key):
        return []
    return [f"{name}.{key}" for key in part.state_dict() if "lora_" not in key]


def origins(module: Any) -> Iterator[tuple[str, str]]:
    """List the parts whose weights are those of a folder, and the folder."""
    for name in PARTS:
        if folder := getattr(getattr(module, name), "origin", None):
            yield name, str(folder)


def leave_out(module: Any, checkpoint: dict[str, Any]) -> None:
    """Replace the frozen weights in a checkpoint's state dict by the name of their folder and their digest.

    Weights are hashed once a module: they are frozen.
    """
    state: dict[str, Tensor] = checkpoint["state_dict"]
    named: dict[str, Any] = {}
    for name, folder in origins(module):
        keys = [key for key in frozen_keys(module, name) if key in state]
        taken = {_plain(key): state.pop(key) for key in keys}
        if taken:
            known: dict[Any, str] = module.__dict__.setdefault("_digests", {})
            if (name, len(keys)) not in known:
                known[name, len(keys)] = digest_of(taken).hex()
            named[name] = {"folder": folder, "digest": known[name, len(keys)], "keys": keys}
    if named:
        checkpoint[LEFT_OUT] = named


def put_back(module: Any, checkpoint: dict[str, Any], path: object) -> None:
    """Give a checkpoint the weights that it left out: the module's own, which are looked at first.

    Raises:
        UseError: If the module has others; the message names the folder that they were in.
    """
    for name, left in checkpoint.get(LEFT_OUT, {}).items():
        own: dict[str, Tensor] = module.state_dict()
        keys = [key for key in left["keys"] if key in own]
        tensors = {_plain(key): plain(own[key]) for key in keys}
        if len(keys) < len(left["keys"]) or digest_of(tensors).hex() != left["digest"]:
            raise UseError(
                f"{path} was written without its {name}, whose {len(left['keys'])} frozen tensors lay in "
                f"{left['folder']}: the {name} of this run holds others, or the same in another precision"
                f"{'' if Path(left['folder']).exists() else '; that folder is not there any more'}"
            )
        if "state_dict" in checkpoint:
            checkpoint["state_dict"].update({key: own[key] for key in keys})


def _plain(key: str) -> str:
    """Name a weight as its folder does; peft calls what an adapter sits on "base_layer"."""
    return key.replace(".base_layer.", ".")
