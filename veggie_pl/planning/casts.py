"""Autocast as CUDA does it, on tensors of a CPU: more is computed in float32 there than autocast of a CPU would."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_NAMES = ("exp", "log", "pow", "rsqrt", "reciprocal", "softmax", "log_softmax", "cumsum", "prod", "sum", "norm")
# "CUDA Ops that autocast to float32" of torch's page on amp; autocast of a CPU leaves these in bfloat16.
IN_FLOAT32: frozenset[Any] = frozenset(
    {getattr(place, name) for name in _NAMES for place in (torch, Tensor)}
    | {Tensor.__pow__, Tensor.__rpow__, F.softmax, F.log_softmax, F.softplus}
    | {F.layer_norm, torch.layer_norm, F.group_norm, torch.group_norm, F.rms_norm}
    | {F.interpolate, F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.cosine_similarity}
)


class CudaCasts(TorchFunctionMode):
    """Widens what CUDA's autocast widens, while autocast is on; the casts are operations, as they are there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Cast arguments of 16 bits, then call."""
        options = kwargs or {}
        if func in IN_FLOAT32 and torch.is_autocast_enabled("cpu"):
            args = tuple(_wide(one) for one in args)
            options = {name: _wide(one) for name, one in options.items()}
        return func(*args, **options)


def _wide(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16) else value
