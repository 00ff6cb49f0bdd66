"""Weights that a rank reads once it knows its share of them: no rank holds an MLLM whole in memory."""

from typing import Any

import torch
from torch import Tensor, nn

from veggie_pl.models.weight_files import check_finite
from veggie_pl.training.fsdp import local, local_part


@torch.no_grad()
def read_deferred(mllm: Any, device: torch.device) -> None:
    """Give an MLLM that was built without weights those that it stands for, one tensor after another.

    Args:
        mllm: With ``pending`` weights, sharded or not.
        device: Where to.

    Raises:
        UseError: If weights are not finite.
    """
    if mllm.pending is None:
        return
    ties: dict[int, tuple[nn.Module, str]] = {}
    tied: list[tuple[nn.Module, str, tuple[nn.Module, str]]] = []
    for owner in mllm.modules():
        for leaf, parameter in owner._parameters.items():
            if parameter is not None and ties.setdefault(id(parameter), (owner, leaf)) != (owner, leaf):
                tied.append((owner, leaf, ties[id(parameter)]))

    def make(tensor: Tensor) -> Tensor:
        return torch.empty_like(tensor, device=device) if tensor.is_meta else tensor.to(device)

    mllm._apply(make)
    for owner, leaf, (first, name) in tied:
        owner._parameters[leaf] = first._parameters[name]
    done: set[int] = set()
    for name, parameter in mllm.named_parameters():
        if id(parameter) not in done:
            done.add(id(parameter))
            whole = mllm.pending[name].read()
            check_finite({name: whole}, mllm.folder)
            local(parameter).copy_(local_part(whole.to(parameter.dtype), parameter))
    for name, buffer in mllm.named_buffers():
        if name in mllm.pending:
            buffer.copy_(mllm.pending[name].read())
    mllm.pending = None
