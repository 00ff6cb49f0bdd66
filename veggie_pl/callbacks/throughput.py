"""Samples and frames a second, the fraction of time spent waiting for data, and what a run has taken in all."""

import logging
import math
import time
from datetime import timedelta
from typing import Any, Protocol, runtime_checkable

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Clips

log = logging.getLogger(__name__)


@runtime_checkable
class Examples(Protocol):
    """A batch of any kind that shows clips."""

    source: Clips

    @property
    def good(self) -> list[int]:
        """Rows that count."""


class Throughput(Callback):
    """Log speed over windows of steps.

    Waiting is measured from the end of one batch to the start of the next: fetching, plus the loop's own overhead.
    Samples seen (this rank's that could be read, times the ranks) and hours (with validation) are those of the whole
    run, however often it was resumed; the last line says both.

    Args:
        every_n_steps: Batches in a window; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self.every_n_steps = every_n_steps
        self.seen = 0  # samples since the run's first step
        self.before = 0.0  # seconds that the run took before this process
        self._began: float | None = None
        self._reset()

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run, without that between a stop and its resumption."""
        return self.before + (0.0 if self._began is None else time.perf_counter() - self._began)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where a resumed run stands."""
        if self.seen and trainer.is_global_zero:
            taken = timedelta(seconds=round(self.before))
            log.info("goes on after %s: %d steps, %d samples", taken, trainer.global_step, self.seen)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self.before, self._began = self.seconds, None
        taken = timedelta(seconds=round(self.before))
        if trainer.is_global_zero:
            log.info("trained for %s: %d steps, %d samples", taken, trainer.global_step, self.seen)

    def state_dict(self) -> dict[str, Any]:
        """Keep what the run has taken so far."""
        return {"seen": self.seen, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on."""
        self.seen, self.before = state_dict["seen"], state_dict["seconds"]

    def _reset(self) -> None:
        self.samples = self.frames = self.batches = 0
        self.waiting = self.working = 0.0
        self._ended: float | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note that a batch is there."""
        self._started = time.perf_counter()
        if self._ended is not None:
            self.waiting += self._started - self._ended

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Examples, batch_idx: int
    ) -> None:
        """Note that a batch is done."""
        self._ended = time.perf_counter()
        self.working += self._ended - self._started
        good = len(batch.good)
        self.samples += good
        self.frames += good * batch.source.shape[1]
        self.seen += good * trainer.world_size
        self.batches += 1
        if self.batches < (self.every_n_steps or trainer.log_every_n_steps or math.inf):  # type: ignore[attr-defined]
            return
        seconds = self.waiting + self.working
        rates = {
            "speed/samples_per_s": self.samples * trainer.world_size / seconds,
            "speed/frames_per_s": self.frames * trainer.world_size / seconds,
            "speed/step_ms": 1000 * seconds / self.batches,
            "speed/data_wait_share": self.waiting / seconds,
            "progress/samples": self.seen,
            "progress/hours": self.seconds / 3600,
        }
        for logger in trainer.loggers:
            logger.log_metrics(rates, trainer.global_step)
        self._reset()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take validation for no waiting for data."""
        self._ended = None
