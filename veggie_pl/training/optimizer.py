"""The optimizer of a run: what learns, part by part, each at its own pace."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from veggie_pl.errors import UseError
from veggie_pl.training.muon import Muon

_AND = "+"  # between the parts in a group's name


def scaled_optimizer(
    module: nn.Module, make: OptimizerCallable, factors: dict[str, float], precision: object = "32-true"
) -> Optimizer:
    """Return an optimizer of the parameters that learn, with the learning rate of some parts scaled.

    Each group of parameters is named by its parts, such as "mllm" or "aligner+viddm".

    Args:
        module: Whose parameters.
        make: Makes the optimizer from parameter groups.
        factors: Factor on the learning rate, by the name of a direct child.
        precision: Of the run, as Lightning calls it; Muon's products are in bfloat16 where the run is.

    Raises:
        UseError: If a name is no part of the module; the message names the parts.
    """
    parts = [name for name, _ in module.named_children()]
    if unknown := [name for name in factors if name not in parts]:
        raise UseError(f"lr_factors names {unknown}; the parts are {parts}")
    named = [(name.split(".")[0], p) for name, p in module.named_parameters() if p.requires_grad]
    rest: dict[str, Any] = {"params": [p for part, p in named if part not in factors]}
    scaled = {name: [p for part, p in named if part == name] for name in factors}
    optimizer = make(
        [rest, *({"params": params, "factor": factors[name]} for name, params in scaled.items() if params)]
    )
    for group in optimizer.param_groups:
        group["lr"] *= group.pop("factor", 1.0)
    if isinstance(optimizer, Muon):
        optimizer.leave_out(module)
        if str(precision).startswith("bf16"):
            optimizer.products = torch.bfloat16
    name_groups(module, optimizer)
    fuse(optimizer)
    return optimizer


def fuse(optimizer: Optimizer) -> None:
    """Let Adam on GPUs update all tensors of a group in one kernel, unless its settings say how."""
    if not isinstance(optimizer, (Adam, AdamW)):
        return
    for group in optimizer.param_groups:
        told = any(group.get(name) is not None for name in ("fused", "foreach")) or group.get("differentiable")
        if not told and all(p.is_cuda for p in group["params"]):
            group["fused"] = True


def name_groups(module: nn.Module, optimizer: Optimizer) -> None:
    """Name the groups that have no name by the direct children of a module whose parameters they hold."""
    part_of = {id(p): name.split(".")[0] for name, p in module.named_parameters()}
    for group in optimizer.param_groups:
        parts = dict.fromkeys(part_of[id(p)] for p in group["params"] if id(p) in part_of)
        # of a group that Muon splits, the rest has the parts' own names
        group.setdefault("name", _AND.join(f"{part}.matrices" if group.get("matrices") else part for part in parts))


def learning_rates(optimizer: Optimizer) -> dict[str, float]:
    """Return the current learning rate of each part, from the names of the groups."""
    groups = optimizer.param_groups
    return {part: float(group["lr"]) for group in groups for part in group["name"].split(_AND) if part}
