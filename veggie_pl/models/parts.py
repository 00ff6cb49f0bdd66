"""Parts of a denoiser by names that mean the same on every backbone, for freezing and for adapters."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

# What diffusers calls them, the first that matches; a name is that of a parameter or layer in the denoiser.
_NAMES = {
    "temporal": r"\.motion_modules\.|\.(attn|norm)_temp\.",  # what a video UNet adds to an image UNet
    "source": r"^source_embedding\.|\.vace_",  # what a transformer is given for the source, beside its patches
    "patch": r"^\w+\.(conv_in|patch_embedding|patch_embed\.proj|pos_embed|proj_in|x_embedder)\.",
    "output": r"^\w+\.(conv_out|conv_norm_out|norm_out|proj_out)\.",
    "embedding": r"^\w+\.(time_\w+|condition_embedder|caption_projection|context_embedder|patch_embed|add_embedding"
    r"|ofs_embedding)\.",
    "cross_attention": r"\.attn2\.|\.attn\.(add_\w+_proj|to_add_out|norm_added_\w+)\.",
    "self_attention": r"\.attn1?\.",
    "feed_forward": r"\.(ff|ffn|ff_context|proj_mlp)\.|\.single_transformer_blocks\.\d+\.proj_out\.",
    "norm": r"\.(norm\w*|scale_shift_table)(\.|$)",
}
_REST = "other"  # convolutions of a UNet
PARTS = (*_NAMES, _REST)


@dataclass
class Part:
    """Some parameters of a denoiser, and the layers that hold no others."""

    parameters: list[nn.Parameter] = field(default_factory=list)
    layers: list[nn.Module] = field(default_factory=list)


def part_of(name: str, joint: bool = False) -> str:
    """Tell the part of a parameter by its name in the denoiser.

    Args:
        name: As in ``named_parameters``.
        joint: The model reads text and picture in one attention (SD3, FLUX): a second attention then is of the picture
            alone, and what it adds for the text is called cross-attention.
    """
    if joint and ".attn2." in name:
        return "self_attention"
    return next((part for part, pattern in _NAMES.items() if re.search(pattern, name)), _REST)


def reads_jointly(names: Iterable[str]) -> bool:
    """Tell, by its parameters, whether a denoiser reads text and picture in one attention."""
    return any(".context_embedder." in name for name in names)


def denoiser_parts(viddm: Any) -> Mapping[str, Part]:
    """List the parts of a denoiser: "denoiser.self_attention" and so on, each parameter in one, and "denoiser.all".

    Besides "viddm.spatial" and "viddm.temporal", as the denoiser itself tells them apart (``Denoiser.layer_kind``).
    """
    parameters = dict(viddm.named_parameters())
    joint = reads_jointly(parameters)
    found: dict[str, Part] = {}
    names: dict[str, set[str]] = {}
    for name, parameter in parameters.items():
        for part in ("denoiser.all", f"denoiser.{part_of(name, joint)}", f"viddm.{viddm.layer_kind(name)}"):
            found.setdefault(part, Part()).parameters.append(parameter)
            names.setdefault(part, set()).add(name)
    for prefix, layer in viddm.named_modules():
        own = {f"{prefix}.{name}".lstrip(".") for name, _ in layer.named_parameters()}
        if any(True for _ in layer.parameters(recurse=False)):
            for part, held in names.items():
                if own <= held:
                    found[part].layers.append(layer)
    return found
