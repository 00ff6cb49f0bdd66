"""Stop at a loss that is not a number, with the last good state on disk."""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from veggie_pl.callbacks.writers import run_folder
from veggie_pl.errors import UseError
from veggie_pl.host import Later


class NonFiniteLossError(UseError, RuntimeError):
    """Training met a NaN or infinite loss; the message names the step and the checkpoint kept."""


class StopAtNaN(Callback):
    """Check the losses of a step before the weights change, so that those saved are from before the bad batch.

    A loss is asked for when it is known and read when its gradients are on their way: a GPU does not run dry meanwhile.
    """

    def __init__(self) -> None:
        self._asked: list[Later] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what an earlier run asked."""
        self._asked = []

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Ask for the loss."""
        self._asked.append(Later(loss))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Save and stop if a loss of this step is not finite."""
        losses, self._asked = [later.read() for later in self._asked], []
        wrong = [loss for loss in losses if not torch.isfinite(loss)]
        if not trainer.strategy.reduce_boolean_decision(bool(wrong), all=False):  # all ranks stop where one has to
            return
        path = run_folder(trainer) / "checkpoints/before_nan.ckpt"
        trainer.save_checkpoint(path)
        raise NonFiniteLossError(
            f"the loss is {(wrong or losses)[0].item()} at step {trainer.global_step}; the state before that batch is "
            f"kept in {path}. Lower the learning rate, clip gradients (--trainer.gradient_clip_val 1) or look at the "
            "batch"
        )
