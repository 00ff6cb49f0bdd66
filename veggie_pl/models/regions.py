"""torch.compile by region: all blocks of one kind share a graph, in place of one graph for a whole network.

A UNet of Stable Diffusion's size is some twenty kinds of blocks that come again and again: compiling each kind once
takes a minute where the whole takes many.
"""

from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any, no_type_check

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from veggie_pl.errors import UseError
from veggie_pl.models.prefix import PrefixLayer

MOST = 64  # graphs of a kind: shapes, with and without gradient; dynamo stops at 8 and says so only in its log
# Outermost first: a transformer with what is around its blocks, unless it checkpoints them one by one.
KINDS = (Transformer2DModel, AnimateDiffTransformer3D, BasicTransformerBlock, ResnetBlock2D, GradientCheckpointingLayer)


def regions(part: nn.Module) -> Iterator[nn.Module]:
    """List the blocks of a part that are compiled: ResNet blocks, transformers, layers of an MLLM and its tower."""
    for child in part.children():
        if isinstance(child, KINDS) and not (isinstance(child, Transformer2DModel) and child.gradient_checkpointing):
            yield child
        else:
            yield from regions(child)


def compile_regions(part: nn.Module, **options: Any) -> list[nn.Module]:
    """Compile the blocks of a part in place: names in checkpoints and copies of the part stay as they are.

    Args:
        part: Such as a UNet, a codec or an MLLM.
        options: Of ``torch.compile``. Shapes are taken as they are (``dynamic=False``) unless they say otherwise, but
            for layers of transformers: the length of a text differs from batch to batch.

    Returns:
        The blocks; ``_compiled_call_impl = None`` makes one as it was.

    Raises:
        UseError: If there are none.
    """
    graphs: dict[Any, Callable[..., Any]] = {}
    blocks = [*regions(part)]
    if not blocks:
        kinds = ", ".join(kind.__name__ for kind in KINDS)
        raise UseError(f"{type(part).__name__} has no blocks to compile by region: none is a {kinds}")
    config: Any = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, MOST)
    for block in blocks:
        tensors = [*block.named_parameters(), *block.named_buffers()]
        shapes = tuple((name, one.shape, one.dtype, one.requires_grad) for name, one in tensors)
        kind = (type(block), shapes)
        if kind not in graphs:
            graphs[kind] = _graph(block, options)
        block._compiled_call_impl = _Region(block, graphs[kind])
    return blocks


def _graph(block: nn.Module, options: dict[str, Any]) -> Callable[..., Any]:
    """Compile what all blocks of a kind do."""
    forward: Any = type(block).forward
    is_layer = isinstance(block, GradientCheckpointingLayer)
    if is_layer:  # checkpointing stands around the graph, not in it
        forward = getattr(forward, "__wrapped__", forward)

    @no_type_check  # or a checker of annotations stands around it, whose code means nothing on its own
    def region(block: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return forward(block, *args, **kwargs)

    # The compiler keeps a short list of graphs with each piece of code and goes through it with every call.
    code = region.__code__.replace(co_name=f"{type(block).__name__}_region")
    own = FunctionType(code, region.__globals__, code.co_name, None, region.__closure__)
    # None: a layer that meets a second length is compiled for all.
    return torch.compile(own, **{"dynamic": None if is_layer else False, **options})


class _Region:
    """Calls a block with its hooks, and the graph of its kind in place of its forward."""

    def __init__(self, block: nn.Module, graph: Callable[..., Any]) -> None:
        self.block: Any = block
        self.graph = graph
        self.is_clean = False
        self.place: Any = next((part.layer_idx for part in block.modules() if hasattr(part, "layer_idx")), None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.is_clean:
            self._clean()
        self.block.__dict__["forward"] = self._forward  # for this call: a copy of the block must not hold it
        try:
            return self.block._call_impl(*args, **kwargs)
        finally:
            self.block.__dict__.pop("forward", None)

    def _clean(self) -> None:
        """Take away what transformers listens with to attention weights inside a block: it would break the graph.

        It is put in when a model is first called, and hears nothing unless weights are asked for. What listens to the
        block itself stays.
        """
        self.is_clean = True
        for inner in self.block.modules():
            for number, hook in [*inner._forward_hooks.items()] if inner is not self.block else ():
                if getattr(hook, "__name__", "") == "output_capturing_hook":
                    del inner._forward_hooks[number]

    def _forward(self, *args: Any, **kwargs: Any) -> Any:
        block = self.block
        if isinstance(block, GradientCheckpointingLayer) and block.gradient_checkpointing and block.training:
            return block._gradient_checkpointing_func(partial(self._again, **kwargs), *args)
        cache = kwargs.get("past_key_values")
        if cache is None:
            return self.graph(block, *args, **kwargs)
        if self.place is None or getattr(cache, "layer_class_to_replicate", None) is not PrefixLayer:
            return type(block).forward(block, *args, **kwargs)
        while len(cache.layers) <= self.place:  # as the cache itself does
            cache.layers.append(PrefixLayer())
        slot = _Slot(cache.layers[self.place])
        out = self.graph(block, *args, **{**kwargs, "past_key_values": slot})
        slot.give_back()
        return out

    def _again(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph with the block's own flag as it is in the backward pass, or it would be compiled twice."""
        before, self.block.training = self.block.training, False
        try:
            return self.graph(self.block, *args, **kwargs)
        finally:
            self.block.training = before


class _Slot:
    """The cache of one layer, to the graph: which layer it is would make a graph of its own for each."""

    def __init__(self, layer: PrefixLayer) -> None:
        self.layer = layer
        self.keys: Tensor | None = layer.keys if layer.is_initialized else None
        self.values: Tensor | None = layer.values if layer.is_initialized else None

    def update(self, keys: Tensor, values: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Keep, or join with what is kept, as ``PrefixLayer`` does."""
        if self.keys is not None and self.values is not None:
            return torch.cat([self.keys, keys], -2), torch.cat([self.values, values], -2)
        self.keys, self.values = keys, values
        return keys, values

    def give_back(self) -> None:
        """Let the cache have them."""
        if self.keys is not None and self.values is not None and not self.layer.is_initialized:
            self.layer.lazy_initialization(self.keys, self.values)
