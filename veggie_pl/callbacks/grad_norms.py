"""Gradient norm of each part."""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer


class GradNorms(Callback):
    """Log the L2 norm of the gradient of every part that learns, before clipping.

    Args:
        every_n_steps: Optimizer steps between two values.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        self.every_n_steps = every_n_steps

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log before the step, while gradients are whole."""
        if trainer.global_step % self.every_n_steps == 0:
            pl_module.log_dict({f"grad_norm/{name}": norm for name, norm in part_norms(pl_module).items()})


def part_norms(module: nn.Module) -> dict[str, torch.Tensor]:
    """L2 norm of the gradient of each direct child that has any."""
    norms = {}
    for name, part in module.named_children():
        if grads := [p.grad for p in part.parameters() if p.grad is not None]:
            norms[name] = torch.stack(torch._foreach_norm(grads)).norm()
    return norms
