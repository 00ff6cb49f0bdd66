"""Progress of a run where no progress bar can be seen: plain lines."""

import logging
import math
import time
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from veggie_pl.progress import MINUTE, Pace, spoken

log = logging.getLogger(__name__)


class ProgressLines(ProgressBar):
    """Say now and then how far a run is, at what loss and speed, and how long it will take.

    The first step has a line, so has the last, and one step a minute between them; loss and speed are means over the
    steps since the line before. Time left counts the validations so far in.

    Args:
        every_n_steps: Also a line at each of these many optimizer steps.
        seconds: Between two lines.
    """

    def __init__(self, every_n_steps: int | None = None, seconds: int | float = MINUTE) -> None:
        super().__init__()
        self.every_n_steps, self.seconds = every_n_steps, seconds
        self._speaks = True
        self._pace = self._held_out = Pace(seconds)  # of training, and of the examples that are held out
        self._warm: float | None = None  # when the first step, which is slow, was done
        self._loss = torch.zeros(())  # sums since the last line
        self._batches = self._samples = 0
        self._since = time.monotonic()

    def disable(self) -> None:
        """Be silent, on all ranks but the first."""
        self._speaks = False

    def enable(self) -> None:
        """Speak again."""
        self._speaks = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a run that begins, or goes on."""
        self._pace, self._first = Pace(self.seconds), trainer.global_step
        self._step, self._warm = trainer.global_step, None
        self._forget()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count, and say where it stands."""
        self._samples += _count(batch) * trainer.world_size
        if isinstance(outputs, dict):
            self._loss = self._loss + outputs["loss"].detach() * trainer.accumulate_grad_batches
            self._batches += 1
        if trainer.global_step == self._step:
            return
        self._step, total = trainer.global_step, float(trainer.estimated_stepping_batches)
        due = self._pace.due() or self._step in (self._first + 1, total)
        if due or (self.every_n_steps and self._step % self.every_n_steps == 0):
            self._say(total)
        if self._warm is None:
            self._warm = time.monotonic()

    def _say(self, total: float) -> None:
        now = time.monotonic()
        of, left = (f"/{total:.0f}", f", {spoken(self._left(now, total))} left") if math.isfinite(total) else ("", "")
        rate = self._samples / max(now - self._since, 1e-9)
        if self._speaks:
            loss = float(self._loss) / max(self._batches, 1)
            log.info("step %d%s: loss %.4f, %.1f samples/s%s", self._step, of, loss, rate, left)
        self._forget()

    def _left(self, now: float, total: float) -> float:
        """Estimate the seconds left, from all steps of this process but the first one, unless there is only that."""
        done = self._step - self._first
        pace = (now - self._pace.began) / done if self._warm is None else (now - self._warm) / (done - 1)
        return pace * (total - self._step)

    def _forget(self) -> None:
        self._loss = torch.zeros(())
        self._batches = self._samples = 0
        self._since = time.monotonic()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a validation, of a training run or alone."""
        self._begin()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a test."""
        self._begin()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the time of validation out of training's pace."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._since += time.monotonic() - self._held_out.began

    def on_validation_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Count, and say where it stands."""
        self._see("validation", args[2], trainer.num_val_batches, always=trainer.state.fn != "fit")

    def on_test_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Count, and say where it stands."""
        self._see("test", args[2], trainer.num_test_batches, always=True)

    def _begin(self) -> None:
        self._held_out, self._seen, self._clips = Pace(self.seconds), 0, 0

    def _see(self, what: str, batch: Any, batches: list[int | float], always: bool) -> None:
        self._seen, self._clips = self._seen + 1, self._clips + _count(batch) * self.trainer.world_size
        total = sum(batches)
        if not (self._held_out.due() or (always and self._seen in (1, total))):
            return
        rate = self._clips / max(time.monotonic() - self._held_out.began, 1e-9)
        left = self._held_out.left(self._seen, total)
        if self._speaks:
            log.info("%s: batch %d/%d, %.1f samples/s, %s left", what, self._seen, total, rate, left)


def _count(batch: Any) -> int:
    """Count the samples that could be read."""
    return len(batch.good) if hasattr(batch, "good") else len(batch)
