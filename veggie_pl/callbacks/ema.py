"""Exponential moving average of the weights."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.training.fsdp import as_whole, local, local_part

Tensors = list[Tensor] | tuple[Tensor, ...]


class Ema(Callback):
    """Average what learns; validation, test and model folders use the average.

    The average starts short and grows to its full length, so that a short run is not mostly its first weights: after n
    updates the fraction of the old average that is kept is ``min(decay, (1 + n) / (10 + n))``, as TensorFlow's
    ``ExponentialMovingAverage`` has it. Unlike Lightning's ``WeightAveraging`` it keeps no second module: nothing is
    held twice of what is frozen, and sharded weights have a sharded average. A checkpoint holds the weights that
    training goes on from under "state_dict" and the average under "callbacks".

    Args:
        decay: Fraction of the old average kept per optimizer step, in the end.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise UseError(f"decay must be in [0, 1), got {decay}")
        self.update = moving_average(decay)
        self.updates = 0
        self.average: dict[str, Tensor] = {}  # this rank's part of each tensor
        self._loaded: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}
        self._is_shown = False  # whether the module holds the average, and ``average`` the weights

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on with what a checkpoint held."""
        self._begin(pl_module)
        self._step = trainer.global_step

    def _begin(self, pl_module: LightningModule) -> None:
        self._weights = {name: p for name, p in pl_module.named_parameters() if p.requires_grad}
        if self._loaded and self._loaded.keys() != self._weights.keys():
            raise UseError("the checkpoint's average is of other weights than those that learn now")
        start = {name: local_part(self._loaded.get(name, p.detach()), p) for name, p in self._weights.items()}
        self.average = {name: tensor.clone() for name, tensor in start.items()}
        self._loaded = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Follow each optimizer step; the first update takes the weights as they are."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        averaged, current = list(self.average.values()), [local(p) for p in self._weights.values()]
        if self.updates:
            self.update(averaged, current, self.updates)
        else:
            torch._foreach_copy_(averaged, current)
        self.updates += 1

    def pairs(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Give name, average and weight of what learns, this rank's part of each, while it is trained."""
        for name, weight in self._weights.items():
            yield name, self.average[name], local(weight)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the average; where there is no training, at the one that a checkpoint holds."""
        if not self._weights and self._loaded:
            pl_module.load_state_dict(self._loaded, strict=False)
        self._show(True)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go back to the weights that learn."""
        self._show(False)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Go back to the weights that learn: a checkpoint may be written now, perhaps in the middle of validation."""
        self._show(False)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the module: checkpoints are written, the model folder is not."""
        if not self._weights:  # the checkpoint was of the last step: there was nothing left to train
            self._begin(pl_module)
        self._show(True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Drop the weights that learned: nobody has been stopped while writing the model folder."""
        self._is_shown, self._weights = False, {}

    def state_dict(self) -> dict[str, Any]:
        """Return whole tensors. Where weights are sharded, all ranks must call it."""
        whole = {name: as_whole(self.average[name], weight) for name, weight in self._weights.items()} or self._loaded
        return {"updates": self.updates, "average": whole}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the average until training starts, when it is known which weights learn and how they are sharded."""
        self.updates, self._loaded = state_dict["updates"], state_dict["average"]

    @torch.no_grad()
    def _show(self, average: bool) -> None:
        if average == self._is_shown or not self._weights:
            return
        for name, parameter in self._weights.items():
            held, current = self.average[name], local(parameter)
            kept = held.clone()
            held.copy_(current)
            current.copy_(kept)
        self._is_shown = average


def moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Make the rule, in the form of torch's ``AveragedModel``; all tensors at once save a tenth of a nano step."""

    @torch.no_grad()
    def average(averaged: Tensors, current: Tensors, num_averaged: Tensor | int) -> None:
        done = int(num_averaged)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + done) / (10 + done)))

    return average
