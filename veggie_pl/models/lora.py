"""Low-rank adapters in the MLLM's language model, by peft."""

import copy
import re
from dataclasses import dataclass
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer


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
    decoder = model.get_decoder()
    name = next(name for name, module in model.named_modules() if module is decoder)
    targets = rf"{re.escape(name)}\..*\.({'|'.join(lora.targets)})"
    settings = LoraConfig(r=lora.rank, target_modules=targets, lora_alpha=lora.alpha, lora_dropout=lora.dropout)
    inject_adapter_in_model(settings, model)
    for key, parameter in model.named_parameters():
        if "lora_" in key:  # they learn, and small steps are lost in 16 bits
            parameter.data = parameter.data.float()


def merged(model: Any) -> Any:
    """A copy with adapters added into the weights, which transformers alone can read."""
    model = copy.deepcopy(model)
    for name, layer in [item for item in model.named_modules() if isinstance(item[1], LoraLayer)]:
        layer.merge()
        model.set_submodule(name, layer.get_base_layer())
    return model
