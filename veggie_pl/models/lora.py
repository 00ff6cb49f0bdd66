"""Low-rank adapters in the MLLM's language model, by peft."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from veggie_pl.errors import UseError
from veggie_pl.models.weight_files import WeightFiles, check_finite, compare, unwrapped

WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
PREFIX = "base_model.model."  # of peft's own wrapper, which we do without


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters in the language model (LoRA, arXiv:2106.09685), by peft; at first they change nothing.

    Args:
        rank: Of each update.
        alpha: Updates are scaled by ``alpha / rank``.
        dropout: Of the adapters' input.
        targets: Names of the linear layers that get one.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def add_adapters(model: Any, lora: Lora) -> None:
    """Put adapters into the language model, in float32 whatever the weights are; vision towers share layer names."""
    from peft import LoraConfig, inject_adapter_in_model  # seconds to import, and few models have adapters

    decoder = model.get_decoder()
    name = next(name for name, module in model.named_modules() if module is decoder)
    targets = rf"{re.escape(name)}\..*\.({'|'.join(lora.targets)})"
    settings = LoraConfig(r=lora.rank, target_modules=targets, lora_alpha=lora.alpha, lora_dropout=lora.dropout)
    inject_adapter_in_model(settings, model)
    _keep_float32(model)


def save_adapters(model: Any, folder: str) -> None:
    """Write the adapters alone, as peft does: ``PeftModel.from_pretrained(base, folder)`` reads them."""
    from peft import get_peft_model_state_dict

    settings = model.peft_config["default"]
    settings.save_pretrained(folder)
    state = {PREFIX + key: value.contiguous() for key, value in get_peft_model_state_dict(model).items()}
    save_file(state, Path(folder, WEIGHTS), metadata={"format": "pt"})


def load_adapters(model: Any, folder: str) -> None:
    """Put stored adapters into a model, ready to learn on.

    Raises:
        UseError: If the folder holds no LoRA adapters, or those of another model.
    """
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model, set_peft_model_state_dict

    if not Path(folder, WEIGHTS).is_file():
        raise UseError(f"no adapters at {folder!r}: no peft folder with {WEIGHTS}")
    if not Path(folder, SETTINGS).is_file():
        raise UseError(f"no adapters at {folder!r}: {WEIGHTS} lacks {SETTINGS} beside it")
    kind = json.loads(Path(folder, SETTINGS).read_text()).get("peft_type")
    if kind != "LORA":
        raise UseError(f"the adapters in {folder!r} are {kind}, not LORA")
    settings = LoraConfig.from_pretrained(folder)
    settings.inference_mode = False
    slices = WeightFiles([Path(folder, WEIGHTS)]).slices()
    names = unwrapped(slices) or {name: name for name in slices}  # peft's own prefix is one of a wrapper
    state = {new: slices[name][...] for name, new in names.items()}
    inject_adapter_in_model(settings, model)
    _keep_float32(model)
    own = get_peft_model_state_dict(model)
    if wrong := compare(state, own):
        differ = sum(key not in own or key not in state or own[key].shape != state[key].shape for key in own | state)
        raise UseError(f"the adapters in {folder!r} are of another model: {differ} layers differ; the file has {wrong}")
    check_finite(state, f"the adapters in {folder!r}")
    set_peft_model_state_dict(model, state)


def _keep_float32(model: Any) -> None:
    for key, parameter in model.named_parameters():
        if "lora_" in key:  # they learn, and small steps are lost in 16 bits
            parameter.data = parameter.data.float()


def merged(model: Any) -> Any:
    """Return a copy with adapters added into the weights, which transformers alone can read."""
    return merge(copy.deepcopy(model))


def merge(model: Any) -> Any:
    """Add adapters into the weights of a model, and give it back without them."""
    from peft.tuners.lora import LoraLayer

    for name, layer in [item for item in model.named_modules() if isinstance(item[1], LoraLayer)]:
        layer.merge()
        model.set_submodule(name, layer.get_base_layer())
    return model
