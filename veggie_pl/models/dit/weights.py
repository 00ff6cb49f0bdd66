"""Weights of a diffusion transformer: read one tensor after another, matrices in 16 bits if wanted."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import diffusers  # its classes are asked for by name: each brings modules that others do without
import torch
from torch import nn

from veggie_pl.errors import UseError
from veggie_pl.models.checkpoints import check_kind
from veggie_pl.models.parts import part_of, reads_jointly
from veggie_pl.models.stored import Stored, empty_parameters
from veggie_pl.models.weight_files import check_finite, compare, find_weights, unwrapped

Dtype = Literal["float32", "bfloat16"]
CODECS = {  # classes of the autoencoders whose latents they were trained with
    "CogVideoXTransformer3DModel": "AutoencoderKLCogVideoX",
    "FluxTransformer2DModel": "AutoencoderKL",
    "LTXVideoTransformer3DModel": "AutoencoderKLLTXVideo",
    "SD3Transformer2DModel": "AutoencoderKL",
    "WanTransformer3DModel": "AutoencoderKLWan",
    "WanVACETransformer3DModel": "AutoencoderKLWan",
}
SCALE = ("scaling_factor", "shift_factor", "latents_mean", "latents_std")  # of latents, by an autoencoder's config.json
IN_BLOCKS = ("self_attention", "cross_attention", "feed_forward", "norm")  # where nearly all weights are


def built(library: str, config: Mapping[str, Any], empty: bool, dtype: Dtype) -> Any:
    """Build a transformer of diffusers.

    Args:
        library: Name of its class.
        config: Of it.
        empty: Leave its parameters without memory, on the meta device, until ``fill``.
        dtype: Of the matrices of its blocks (parts ``IN_BLOCKS``). All else is small and float32: what lies before and
            behind the blocks, biases, norms.
    """
    with empty_parameters() if empty else nullcontext():
        transformer = getattr(diffusers, library).from_config(dict(config))
    if dtype != "float32":
        joint = reads_jointly(f"transformer.{name}" for name, _ in transformer.named_parameters())
        for name, layer in transformer.named_modules():
            if isinstance(layer, nn.Linear) and part_of(f"transformer.{name}.weight", joint) in IN_BLOCKS:
                layer.weight.data = layer.weight.data.to(getattr(torch, dtype))
    return transformer


def find_transformer(path: str) -> Path:
    """Return the folder of a transformer, given that or the folder of a pipeline."""
    place = Path(path)
    return place / "transformer" if (place / "transformer/config.json").is_file() else place


def codec_of(path: str, library: str) -> dict[str, Any]:
    """Tell which codec a transformer's weights were trained with: its class, and the scale of latents where it is told.

    Args:
        path: The transformer's folder, or that of a pipeline; in the pipeline's ``vae`` is the codec's config.json.
        library: Name of the transformer's class.
    """
    try:
        told = json.loads((find_transformer(path).parent / "vae/config.json").read_text())
    except (OSError, ValueError):
        told = {}  # who names weights alone
    return {"_class_name": CODECS[library], **{key: told[key] for key in SCALE if key in told}}


def stored_transformer(path: str, library: str) -> dict[str, Stored]:
    """List the weights of a transformer's folder, which are read when they are asked for.

    Args:
        path: The folder, or that of a pipeline.
        library: Name of the class of diffusers.

    Raises:
        UseError: If there is no such folder, it is of another class, or files are missing or torn.
    """
    folder = find_transformer(path)
    check_kind(folder, library)
    slices = find_weights(folder, "diffusion_pytorch_model").slices()
    names = unwrapped(slices) or {name: name for name in slices}
    return {new: Stored.of_slice(slices[name]) for name, new in names.items()}


def widened(
    state: dict[str, Stored], path: str, name: str, needed: int, channels: int, of_source: bool, extend: bool
) -> dict[str, Stored]:
    """Bring a patch embedding to the channels that are needed: zeros for a source beside the noise.

    Args:
        state: Weights as they are stored.
        path: Where, for messages.
        name: The embedding's.
        needed: Second dimension of the embedding.
        channels: Of the transformer, which are not the same where patches are packed into channels.
        of_source: Half of them are the source's.
        extend: Whether zeros may be added.

    Raises:
        UseError: If there are others, or zeros are needed and may not be added.
    """
    if name not in state or state[name].shape[1] == needed:
        return state
    first = state[name].read()
    said = f"{path} takes {first.shape[1] * channels // needed} channels; {channels} are needed"
    if 2 * first.shape[1] != needed or not of_source:
        raise UseError(f"{said}. Are they weights of image-to-video, which has no place for a source clip?")
    if not extend:
        raise UseError(f"{said}, source beside noise. Set `extend_channels: true` to add zeros for it")
    return {**state, name: Stored.of_tensor(torch.cat([first, torch.zeros_like(first)], 1))}


@torch.no_grad()
def fill(transformer: Any, state: Mapping[str, Stored], path: str) -> None:
    """Read weights into a transformer that was built empty, each in the type that it has there, one after another.

    Raises:
        UseError: If weights are missing or left over, shapes differ, or values are not finite.
    """
    if wrong := compare(state, transformer.state_dict()):
        raise UseError(f"{path} does not fit the config: it lacks weights or has others: {wrong}")
    for owner_name, owner in transformer.named_modules():
        for held in (owner._parameters, owner._buffers):
            for leaf, own in held.items():
                name = f"{owner_name}.{leaf}".lstrip(".")
                if own is None or name not in state:
                    continue
                tensor = state[name].read()
                check_finite({name: tensor}, path)
                made = torch.empty(own.shape, dtype=own.dtype).copy_(tensor)
                held[leaf] = nn.Parameter(made, own.requires_grad) if isinstance(own, nn.Parameter) else made


def computed_in(transformer: Any, device: torch.device) -> AbstractContextManager[Any]:
    """Compute in the type of the blocks' matrices, where that is not float32.

    Raises:
        UseError: If such matrices are to learn.
    """
    small = [(name, p) for name, p in transformer.named_parameters() if p.dtype == torch.bfloat16]
    if not small:
        return nullcontext()
    if torch.is_grad_enabled() and (learning := [name for name, p in small if p.requires_grad]):
        raise UseError(
            f"{len(learning)} matrices of bfloat16 are to learn, such as {learning[0]}, and would lose small steps: "
            f"freeze {', '.join(f'denoiser.{part}' for part in IN_BLOCKS)}, or set the denoiser's dtype to float32"
        )
    return torch.autocast(device.type, torch.bfloat16)
