"""Gradient norm of each part."""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

from veggie_pl.callbacks.writers import logs_at


class GradNorms(Callback):
    """Log the L2 norm of the gradient of every part that learns, before clipping.

    Args:
        every_n_steps: Optimizer steps between two values; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self.every_n_steps = every_n_steps

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log before the step, while gradients are whole."""
        # The coming step counts: Lightning hands the values of every such step, and of no other, to the loggers.
        if logs_at(trainer.global_step + 1, trainer, self.every_n_steps):
            pl_module.log_dict({f"grad_norm/{name}": norm for name, norm in part_norms(pl_module).items()})


def part_norms(module: nn.Module) -> dict[str, torch.Tensor]:
    """Compute the L2 norm of the gradient of each direct child that has any."""
    norms = {}
    for name, part in module.named_children():
        if grads := [p.grad for p in part.parameters() if p.grad is not None]:
            norms[name] = torch.stack(torch._foreach_norm(grads)).norm()
    return norms
