"""Files of a transformer's low-rank adapters, as the pipelines of diffusers load and write them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import loaders
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from veggie_pl.errors import UseError, one_line
from veggie_pl.models.weight_files import WeightFiles, check_finite, describe_misfit
from veggie_pl.tensor_digest import bytes_of

NAME = "pytorch_lora_weights.safetensors"
SETTINGS, BASE = "lora_adapter_metadata", "base_digest"  # in the header: diffusers' own, and ours
PREFIX = "transformer."
_LOADERS = {  # what the library's pipelines read files with, in whose other formats they may be
    "CogVideoXTransformer3DModel": "CogVideoXLoraLoaderMixin",
    "FluxTransformer2DModel": "FluxLoraLoaderMixin",
    "LTXVideoTransformer3DModel": "LTXVideoLoraLoaderMixin",
    "SD3Transformer2DModel": "SD3LoraLoaderMixin",
    "WanTransformer3DModel": "WanLoraLoaderMixin",
    "WanVACETransformer3DModel": "WanLoraLoaderMixin",
}


def save_adapters(transformer: Any, folder: Path) -> None:
    """Write the adapters alone; the header tells their settings and what weights they lie on."""
    from peft import get_peft_model_state_dict

    (settings,) = transformer.peft_config.values()
    told = {f"{PREFIX}{key}": list(one) if isinstance(one, set) else one for key, one in settings.to_dict().items()}
    state = get_peft_model_state_dict(transformer)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"{PREFIX}{name}": value.detach().cpu().contiguous() for name, value in state.items()},
        folder / NAME,
        metadata={"format": "pt", SETTINGS: json.dumps(told, sort_keys=True), BASE: _digest(transformer)},
    )


def load_adapters(transformer: Any, place: str) -> None:
    """Put stored adapters into a transformer, ready to learn on.

    Args:
        transformer: Of diffusers; of shapes alone, on the meta device, it gets adapters of shapes alone.
        place: A file, or a folder with one of diffusers' name.

    Raises:
        UseError: If there are no LoRA adapters, or they are of another base: another class, size, or other weights.
    """
    from peft import set_peft_model_state_dict

    path = Path(place, NAME) if Path(place).is_dir() else Path(place)
    if not path.is_file() or path.suffix != ".safetensors":
        raise UseError(f"no adapters at {place!r}: neither a .safetensors file nor a folder with {NAME}")
    kind = type(transformer).__name__
    slices = WeightFiles([path]).slices()
    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
    found = {name: one[...] for name, one in slices.items()}
    try:
        state: dict[str, Tensor] = getattr(loaders, _LOADERS[kind]).lora_state_dict(found)
        settings = json.loads(header[SETTINGS]) if SETTINGS in header else None
    except (KeyError, IndexError, ValueError, RuntimeError, AttributeError) as problem:
        raise UseError(f"{path} holds no adapters that diffusers reads for a {kind}: {one_line(problem)}") from problem
    state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    if not any(".lora_A." in name for name in state):
        raise UseError(
            f"{path} holds no LoRA adapters; there are {len(state)} tensors, such as {next(iter(state), '')!r}"
        )
    if wrong := _misfit(transformer, state):
        raise UseError(f"the adapters in {path} are of another base than this {kind}: {wrong}")
    is_meta = next(transformer.parameters()).is_meta
    if BASE in header and not is_meta and header[BASE] != _digest(transformer):
        raise UseError(
            f"the adapters in {path} are of another base: they were trained on a {kind} of this size with other "
            "weights. The folder `transformer` that they were written with holds those: name it as `weights`"
        )
    check_finite(state, path)
    named = {f"{PREFIX}{name}": value for name, value in state.items()}
    transformer.load_lora_adapter(named, prefix="transformer", metadata=settings, adapter_name="default")
    keep_float32(transformer)
    if not is_meta:
        set_peft_model_state_dict(transformer, state)  # again: peft makes them in the type of the weights below


def keep_float32(transformer: Any) -> None:
    """Have adapters in float32 whatever the weights are: they learn, and small steps are lost in 16 bits."""
    for name, parameter in transformer.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()


def _misfit(transformer: Any, state: dict[str, Tensor]) -> str:
    """Tell what does not fit; empty if all does."""
    layers = {name: layer for name, layer in transformer.named_modules() if isinstance(layer, nn.Linear)}
    unexpected, missing, mismatched = [], [], []
    for name, value in state.items():
        found = re.fullmatch(r"(.+)\.lora_([AB])\.weight", name)
        if found is None or found[1] not in layers:
            unexpected.append(name)
            continue
        layer, other = layers[found[1]], f"{found[1]}.lora_{'B' if found[2] == 'A' else 'A'}.weight"
        if other not in state:
            missing.append(other)
            continue
        rank = state[f"{found[1]}.lora_A.weight"].shape[0]
        wanted = (rank, layer.in_features) if found[2] == "A" else (layer.out_features, rank)
        if value.shape != wanted:
            mismatched.append((name, tuple(value.shape), wanted))
    return describe_misfit(missing, unexpected, mismatched)


def _digest(transformer: Any) -> str:
    """Hash the weights under the adapters, to the 16 bits that all types share."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(transformer.state_dict().items()):
        if "lora_" not in name:
            digest.update(f"{name.replace('.base_layer.', '.')} {tuple(tensor.shape)}".encode())
            digest.update(bytes_of(tensor.to(torch.bfloat16)))
    return digest.hexdigest()
