"""Selective checkpointing: what is dear to compute is kept, what is dear to keep is computed again.

Kept are convolutions, attention and products that make nothing wider; computed again are norms, activations, casts and
the first half of each feed-forward, which are most of the memory. Plain checkpointing computes all again.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

_ATEN = torch.ops.aten
_KEPT = {_ATEN.convolution, _ATEN._scaled_dot_product_flash_attention_for_cpu}
_KEPT |= {getattr(_ATEN, f"_scaled_dot_product_{kind}_attention") for kind in ("flash", "efficient", "cudnn")}


def _policy(context: Any, op: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    """Decide for one operation of a block."""
    packet = op.overloadpacket
    products = args[1:] if packet is _ATEN.addmm else args if packet is _ATEN.mm else None
    if packet in _KEPT or (products is not None and products[1].shape[1] <= products[0].shape[1]):
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


def selectively(run: Callable[..., Any], *args: Any) -> Any:
    """Call a block, and in the backward pass again what it did not keep."""
    contexts = partial(create_selective_checkpoint_contexts, _policy)
    return checkpoint(run, *args, use_reentrant=False, context_fn=contexts)


def checkpoint_unet(unet: Any, selective: bool) -> None:
    """Let the blocks of a diffusers UNet compute again in the backward pass.

    Args:
        unet: An image or a motion UNet; the latter's temporal layers have no switch, so their feed-forwards get one.
        selective: Keep what is dear to compute, or the input of each block only.
    """
    unet.disable_gradient_checkpointing()
    if not selective:
        unet.enable_gradient_checkpointing()
        return
    unet.enable_gradient_checkpointing(lambda block, *args: selectively(block.__call__, *args))
    for part in unet.modules():
        if isinstance(part, AnimateDiffTransformer3D):
            for inner in part.modules():
                if isinstance(inner, FeedForward):
                    inner._compiled_call_impl = _Again(inner)


class _Again:
    """Calls a module in the place that ``torch.compile`` uses, so that names and copies of it stay as they are."""

    def __init__(self, module: nn.Module) -> None:
        self.module: Any = module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.module._call_impl(*args, **kwargs)
        return checkpoint(self.module._call_impl, *args, use_reentrant=False, **kwargs)
