"""Samples that cannot be read: counted, written down, and too many of them end the run."""

import logging
from collections import Counter
from typing import Any

from lightning import LightningModule, Trainer

from veggie_pl.batch import Batch, MissingSample
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.callbacks.writers import run_folder
from veggie_pl.data.table.quarantine import NAME, RunLog
from veggie_pl.errors import UseError

log = logging.getLogger(__name__)
ALWAYS_ALLOWED = 10  # bad samples of a stream that never stop a run, whatever their fraction


class BudgetError(UseError, RuntimeError):
    """Too many samples of a stream cannot be read; the message names the stream, a reason and the checkpoint kept."""


class ErrorBudget(HeldOut):
    """Count missing samples per stream over all ranks, and add each to ``ledger.jsonl`` in the run's folder.

    They are counted against what the mixture has drawn from their stream up to the run's position. That number is a
    function of mixture and position, so it is exact on every rank and after a resume. A run that goes on with another
    mixture is judged as if that mixture had been used from the start.

    Args:
        max_bad: Largest part of the samples drawn from a training stream that may be bad; ten are always allowed.
    """

    def __init__(self, max_bad: float = 0.1) -> None:
        if not 0 <= max_bad <= 1:
            raise UseError(f"max_bad is a fraction from 0 to 1, got {max_bad}")
        self.max_bad = max_bad
        self.bad: Counter[str] = Counter()  # of all ranks
        self._open: Counter[str] = Counter()  # among them of batches whose step is not done: they come again if resumed
        self._held: dict[str, dict[int, MissingSample]] = {}  # split -> position -> what is missing
        self._warned: set[str] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Open the log of the run."""
        self._log = RunLog(run_folder(trainer) / NAME) if trainer.is_global_zero else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know where steps begin."""
        self._step, self._open = trainer.global_step, Counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count; where a rank has a bad sample, all look at it together.

        Raises:
            BudgetError: On all ranks at once, after a checkpoint was written.
        """
        missing = batch.missing_samples
        is_open = trainer.global_step == self._step
        if not is_open:
            self._step, self._open = trainer.global_step, Counter()
        if not trainer.strategy.reduce_boolean_decision(bool(missing), all=False):
            return
        found = sorted(one for own in gathered(missing) for one in own)
        self.bad.update(one.stream for _, one in found)
        self._open.update(one.stream for _, one in found if is_open)
        self._write(found)
        values = {f"samples/bad/{stream}": float(count) for stream, count in self.bad.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, trainer.global_step)
        for _, one in found:
            self._check(trainer, one)

    def begin(self) -> None:
        """Forget the last round."""
        self._held = {}

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Leave what can be read to others."""

    def miss(self, trainer: Trainer, split: str, missing: list[tuple[int, MissingSample]]) -> None:
        """Remember which; a sample that pads a rank counts once."""
        for index, one in missing:
            self._held.setdefault(one.stream, {})[index] = one

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write down what could not be looked at, and log how much."""
        merged: dict[str, dict[int, MissingSample]] = {}
        for own in gathered(self._held):
            for stream, missing in own.items():
                merged.setdefault(stream, {}).update(missing)
        self._write([(index, one) for stream in sorted(merged) for index, one in sorted(merged[stream].items())])
        values = {f"samples/bad/{stream}": float(len(missing)) for stream, missing in merged.items()}
        for logger in trainer.loggers if values else []:
            logger.log_metrics(values, trainer.global_step)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Do the same."""
        self.on_validation_epoch_end(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Keep the counts over a resume."""
        return {"bad": dict(self.bad - self._open)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the counts."""
        self.bad = Counter(state_dict["bad"])

    def _write(self, found: list[tuple[int, MissingSample]]) -> None:
        if self._log is None:
            return
        for index, one in found:
            self._log.add(one.stream, index, one.row, one.key, one.reason)
            if one.stream not in self._warned:
                self._warned.add(one.stream)
                log.warning(
                    "a sample of %s cannot be read and is left out (%s: %s); this one and any others are in %s",
                    *(one.stream, one.key, one.reason, self._log.path),
                )

    def _check(self, trainer: Trainer, one: MissingSample) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        bad, drawn = self.bad[one.stream], data.mixture.drawn(data.position)[one.stream]
        if bad <= ALWAYS_ALLOWED or bad <= self.max_bad * drawn:
            return
        path = run_folder(trainer) / "checkpoints/over_budget.ckpt"
        trainer.save_checkpoint(path)
        written = run_folder(trainer) / NAME
        raise BudgetError(
            f"{bad} of {drawn} samples of {one.stream} cannot be read, more than error_budget.max_bad of "
            f"{self.max_bad:g} allows (the last: {one.key}: {one.reason}). All are in {written}, the state is kept in "
            f"{path}. `python -m veggie_pl check` finds bad rows of a prepared table before training"
        )
