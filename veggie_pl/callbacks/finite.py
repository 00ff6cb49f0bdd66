"""Stop at a loss that is not a number, with the last good state on disk."""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.callbacks.writers import run_folder
from veggie_pl.errors import UseError


class NonFiniteLossError(UseError, RuntimeError):
    """Training met a NaN or infinite loss; the message names the step and the checkpoint kept."""


class StopAtNaN(Callback):
    """Check the loss before each backward pass, so that the weights saved are those from before the bad batch."""

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Save and stop if the loss is not finite."""
        bad = not bool(torch.isfinite(loss))
        if not trainer.strategy.reduce_boolean_decision(bad, all=False):  # all ranks stop where one has to
            return
        path = run_folder(trainer) / "checkpoints/before_nan.ckpt"
        trainer.save_checkpoint(path)
        raise NonFiniteLossError(
            f"the loss is {loss.item()} at step {trainer.global_step}; the state before that batch is kept in {path}. "
            "Lower the learning rate, clip gradients (--trainer.gradient_clip_val 1) or look at the batch"
        )
