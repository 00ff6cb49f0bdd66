"""Compile by region: one graph for each kind of block, shared by all blocks of that kind and shape.

A whole UNet of Stable Diffusion's size keeps the compiler busy for minutes; it has some forty blocks of a dozen shapes.
"""

from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from veggie_pl.errors import UseError

KINDS = (BasicTransformerBlock, ResnetBlock2D, GradientCheckpointingLayer)  # spatial, temporal, codec; MLLM, its tower
MOST = 128  # graphs in all; dynamo's own limit of 8 would leave most shapes uncompiled, and say so only in its log


def regions(part: nn.Module) -> list[nn.Module]:
    """List the repeated blocks of a part, none of them inside another."""
    found: list[nn.Module] = []
    for child in part.children():
        found += [child] if isinstance(child, KINDS) else regions(child)
    return found


def compile_regions(part: nn.Module, **options: Any) -> list[nn.Module]:
    """Compile the repeated blocks of a part in place; names of weights stay as they are.

    Args:
        part: A UNet, a codec, an MLLM or what holds them.
        options: Of ``torch.compile``. Shapes are taken as they are (``dynamic=False``) unless they say otherwise: one
            graph a shape is faster than one for all.

    Returns:
        The blocks.

    Raises:
        UseError: If there are none.
    """
    found = regions(part)
    if not found:
        kinds = ", ".join(kind.__name__ for kind in KINDS)
        raise UseError(f"{type(part).__name__} has no blocks to compile by region: none is a {kinds}")
    config: Any = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, MOST)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 4 * MOST)
    for block in found:
        block.compile(**{"dynamic": False, **options})
    return found
