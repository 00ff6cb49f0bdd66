"""Low-rank adapters in a diffusion transformer, by peft, and its folders for diffusers alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from veggie_pl.errors import UseError
from veggie_pl.models.lora import merged
from veggie_pl.models.parts import PARTS, part_of, reads_jointly


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


def add_adapters(transformer: Any, lora: DenoiserLora) -> None:
    """Put adapters into a transformer of diffusers, in float32 whatever the weights are.

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
    settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=layers)
    transformer.add_adapter(settings)
    for name, parameter in transformer.named_parameters():
        if "lora_" in name:  # they learn, and small steps are lost in 16 bits
            parameter.data = parameter.data.float()


def has_adapters(transformer: Any) -> bool:
    """Tell whether adapters have been put in."""
    return bool(getattr(transformer, "peft_config", None))


def without_adapters(denoiser: Any) -> Any:
    """Return the denoiser with its adapters added into its weights: itself where it has none, else a copy."""
    if not has_adapters(denoiser.transformer):
        return denoiser
    plain = merged(denoiser)
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
        _save_adapters(denoiser.transformer, folder)
        transformer = _base(denoiser.transformer)
    else:
        transformer = without_adapters(denoiser).transformer
    transformer.save_pretrained(str(folder / "transformer"))
    model.vae.save_pretrained(str(folder / "vae"))
    model.objective.scheduler.save_pretrained(str(folder / "scheduler"))
    beside = {key: value for key, value in denoiser.state_dict().items() if not key.startswith("transformer.")}
    if beside:
        save_file({key: value.contiguous() for key, value in beside.items()}, folder / "source_embedding.safetensors")


def _save_adapters(transformer: Any, folder: Path) -> None:
    from diffusers.loaders import WanLoraLoaderMixin  # one file format for all transformers
    from peft import get_peft_model_state_dict

    WanLoraLoaderMixin.save_lora_weights(
        str(folder),
        transformer_lora_layers=get_peft_model_state_dict(transformer),
        transformer_lora_adapter_metadata=transformer.peft_config["default"].to_dict(),
    )


def _base(transformer: Any) -> Any:
    """Return a copy as it was before adapters were put in."""
    state = {k.replace(".base_layer.", "."): v for k, v in transformer.state_dict().items() if "lora_" not in k}
    base = type(transformer).from_config(transformer.config)
    base.load_state_dict(state)
    return base
