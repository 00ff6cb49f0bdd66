"""What a run was meant to be, as its config files say it: kept in checkpoints and model folders."""

import logging
import math
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.callbacks.throughput import Throughput
from veggie_pl.training.record import TrainingRecord, describe, now, read_record

log = logging.getLogger(__name__)
KEY = "training_record"  # in a checkpoint


class Recipe(Callback):
    """Tell how far a run has come of what its config files ask for, and say of a checkpoint what it holds.

    The command line fills in what is left out: from the files alone, so that a run that it shortened is known to be
    short. A run's own config.yaml keeps the values.

    Args:
        name: Of the config files.
        steps: ``trainer.max_steps`` as the files have it.
        epochs: ``trainer.max_epochs`` as the files have it; -1 is no limit.
    """

    def __init__(self, name: str | None = None, steps: int | None = None, epochs: int | None = None) -> None:
        self.name, self.steps, self.epochs = name, steps, epochs

    def record(self, trainer: Trainer) -> TrainingRecord:
        """Say how far the run has come."""
        steps = planned_steps(self.steps, self.epochs, trainer)
        data = getattr(trainer, "datamodule", None)
        batch = getattr(data, "batch_size", None)
        a_step = None if batch is None else batch * trainer.world_size * trainer.accumulate_grad_batches
        seen = next((one.seen for one in trainer.callbacks if isinstance(one, Throughput)), None)  # type: ignore[attr-defined]
        samples = None if steps is None or a_step is None else steps * a_step
        return TrainingRecord(self.name, steps, trainer.global_step, seen, samples, now())

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep it, for `export --checkpoint`."""
        checkpoint[KEY] = self.record(trainer).as_json()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Say what is loaded; without config files the recipe is that of the checkpoint."""
        record = record_in(checkpoint)
        if self.name is None and self.steps is None and record is not None:
            self.name, self.steps = record.recipe, record.recipe_steps
        if trainer.is_global_zero:
            log.info("model: %s (%s)", trainer.ckpt_path, describe(record))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that `validate` looks at no trained model, where it does not."""
        if trainer.state.fn == "validate" and not trainer.ckpt_path and trainer.is_global_zero:
            log.info("model: as built from the config, not trained; --ckpt_path names a checkpoint")


def record_of(trainer: Trainer) -> TrainingRecord:
    """Make the record of a run, also of one that has no ``Recipe``."""
    found = [one for one in trainer.callbacks if isinstance(one, Recipe)]  # type: ignore[attr-defined]
    return (found[0] if found else Recipe()).record(trainer)


def record_in(checkpoint: dict[str, Any]) -> TrainingRecord | None:
    """Read the record that a checkpoint keeps; of an older one what it knows, its steps and samples."""
    if (record := read_record(checkpoint.get(KEY))) is not None or "global_step" not in checkpoint:
        return record
    seen = checkpoint.get("callbacks", {}).get("Throughput", {}).get("seen")
    return TrainingRecord(None, None, checkpoint["global_step"], seen, None, "date unknown")


def planned_steps(steps: int | None, epochs: int | None, trainer: Trainer) -> int | None:
    """Count the optimizer steps of a recipe: what comes first of its steps and its epochs; None if neither ends it."""
    limits = [] if steps is None or steps < 0 else [steps]
    batches = trainer.num_training_batches
    if epochs is not None and epochs >= 0 and math.isfinite(batches):
        limits.append(epochs * math.ceil(batches / trainer.accumulate_grad_batches))
    return min(limits) if limits else None
