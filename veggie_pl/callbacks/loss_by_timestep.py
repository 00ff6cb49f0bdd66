"""At which levels of noise the loss falls."""

from collections import defaultdict
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.batch import Batch
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.callbacks.writers import logs_at
from veggie_pl.errors import UseError


class LossByTimestep(Callback):
    """Log the mean training loss of samples by their diffusion time since the last value, over all ranks.

    ``train/loss_by_time/0.2`` is of times from 0.2 to the next bin, where 0 is clean and 1 is noise alone.

    Args:
        bins: Parts of equal length that time is cut into.
        every_n_steps: Optimizer steps between two values; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, bins: int = 5, every_n_steps: int | None = None) -> None:
        if bins < 1:
            raise UseError(f"bins must be at least 1, got {bins}")
        self.bins, self.every_n_steps = bins, every_n_steps
        self._seen: list[tuple[Tensor, Tensor]] = []  # (times, losses) of the good samples of a batch
        self._times: Tensor | None = None
        self._waits = False  # between the start and the end of a training batch
        self._hook: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen to the times at which the diffusion model is asked."""
        self._step = trainer.global_step
        model: Any = pl_module
        self._last = float(model.objective.scheduler.config.num_train_timesteps)
        self._hook = model.viddm.register_forward_pre_hook(self._hear)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Wait for the times of this batch."""
        self._times, self._waits = None, True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Collect, and log now and then; nothing waits for the device before that."""
        times, self._times, self._waits = self._times, None, False
        if times is not None:
            losses = outputs["per_sample"]
            if len(batch.good) < len(batch):  # picking rows waits for the device
                times, losses = times[batch.good], losses[batch.good]
            self._seen.append((times, losses))
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if logs_at(self._step, trainer, self.every_n_steps):
            self._log(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen no more."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _hear(self, module: Any, args: tuple[Any, ...]) -> None:
        if self._waits and self._times is None:  # other callbacks may ask it again
            self._times = args[2].detach()

    def _log(self, trainer: Trainer) -> None:
        losses: dict[int, list[float]] = defaultdict(list)
        seen, self._seen = self._seen, []
        own: list[tuple[int, float]] = []
        if seen:
            times = torch.cat([one.double() for one, _ in seen]) / self._last
            bins = (times * self.bins).floor().clamp(0, self.bins - 1).long()
            own = list(zip(bins.tolist(), torch.cat([two for _, two in seen]).tolist(), strict=True))
        for found in gathered(own):
            for place, loss in found:
                losses[place].append(loss)
        values = {
            f"train/loss_by_time/{place / self.bins:.2g}": sum(all_) / len(all_) for place, all_ in losses.items()
        }
        for logger in trainer.loggers:
            logger.log_metrics(values, self._step)
