"""Signals are answered between optimizer steps, when weights, counters and position of the data agree."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.callbacks.writers import run_folder
from veggie_pl.signals import ENDING

log = logging.getLogger(__name__)
LAST = "checkpoints/last.ckpt"  # of a run's folder, where the configs let checkpoints be written


class StopBetweenSteps(Callback):
    """Let the step be finished in which a signal comes; then do what it asks, on all ranks alike.

    Ctrl-C stops the run, which keeps a checkpoint; a second one stops at once. So do SIGTERM and SIGHUP, where the
    command line answers them. SIGUSR1 does what Lightning does for jobs under SLURM: it writes ``hpc_ckpt_N.ckpt`` and
    has the job queued again.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._asked: set[int] = set()
        self._speaks = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the place of the handlers that are there."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._step, self._speaks = trainer.global_step, trainer.is_global_zero
        for number in (signal.SIGINT, *ENDING, signal.SIGUSR1):
            if callable(signal.getsignal(number)):  # SIGUSR1: under SLURM only
                self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            if number in self._asked:
                raise KeyboardInterrupt
            self._say("stopping after this step; Ctrl-C again stops at once")
        elif number in ENDING:
            self._say(f"{signal.Signals(number).name}: stopping after this step")
        self._asked.add(number)

    def _say(self, words: str) -> None:
        if self._speaks:
            log.info("%s", words)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Act, unless gradients are still being gathered."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        for number in list(self._before):
            # One rank may have heard of it a step later than another.
            if trainer.strategy.reduce_boolean_decision(number in self._asked, all=False):
                self._asked.discard(number)
                self._end(number)

    def _end(self, number: int) -> None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        self._before[number](number, None)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Act: validation is between steps."""
        for number in self._asked & {signal.SIGINT, *ENDING} if trainer.world_size == 1 else ():
            self._end(number)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back what was there."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before, self._asked = {}, set()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Put back what was there, and say how to go on; the checkpoint callback writes after it."""
        self.on_train_end(trainer, pl_module)
        if isinstance(exception, KeyboardInterrupt) and trainer.global_step:
            self._say(f"stopped. To go on: --ckpt_path {run_folder(trainer) / LAST}")
