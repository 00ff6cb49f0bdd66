"""Samples and frames a second, and the share of time spent waiting for data."""

import logging
import sys
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Batch

log = logging.getLogger(__name__)


class Throughput(Callback):
    """Log speed over windows of steps, and a line of progress now and then where no progress bar can be seen.

    Waiting is measured from the end of one batch to the start of the next: fetching, plus the loop's own overhead.

    Args:
        every_n_steps: Batches in a window.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        self.every_n_steps = every_n_steps
        self._reset()

    def _reset(self) -> None:
        self.samples = self.frames = self.batches = 0
        self.waiting = self.working = 0.0
        self._ended: float | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """A batch is there."""
        self._started = time.perf_counter()
        if self._ended is not None:
            self.waiting += self._started - self._ended

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """A batch is done."""
        self._ended = time.perf_counter()
        self.working += self._ended - self._started
        self.samples += len(batch.good)
        self.frames += len(batch.good) * batch.source.shape[1]
        self.batches += 1
        if self.batches < self.every_n_steps:
            return
        seconds = self.waiting + self.working
        rates = {
            "speed/samples_per_s": self.samples * trainer.world_size / seconds,
            "speed/frames_per_s": self.frames * trainer.world_size / seconds,
            "speed/step_ms": 1000 * seconds / self.batches,
            "speed/data_wait_share": self.waiting / seconds,
        }
        for logger in trainer.loggers:
            logger.log_metrics(rates, trainer.global_step)
        if not sys.stderr.isatty() and trainer.global_step % (10 * self.every_n_steps) == 0:
            loss = outputs["loss"].item()
            log.info("step %d: loss %.4f, %.1f samples/s", trainer.global_step, loss, rates["speed/samples_per_s"])
        self._reset()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validation is not waiting for data."""
        self._ended = None
