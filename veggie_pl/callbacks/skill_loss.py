"""Loss and number of samples, per skill and per stream."""

from collections import Counter, defaultdict
from typing import Any

import torch
from lightning import LightningModule, Trainer

from veggie_pl.batch import Batch
from veggie_pl.callbacks.held_out import HeldOut


class SkillLoss(HeldOut):
    """Log the mean loss of each skill since the last value, and how many samples of it were trained on in all.

    Args:
        every_n_steps: Batches between two values.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        self.every_n_steps = every_n_steps
        self.losses: dict[str, list[torch.Tensor]] = defaultdict(list)
        self.counts: Counter[str] = Counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Collect, and log now and then."""
        for skill, loss in zip(batch.skill, outputs["per_sample"], strict=True):
            self.losses[skill].append(loss)
            self.counts[f"skill/{skill}"] += 1
        locate = trainer.datamodule.mixture.locate  # type: ignore[attr-defined]
        for index in batch.index.tolist():
            self.counts[f"stream/{locate(index)[0]}"] += 1
        if (batch_idx + 1) % self.every_n_steps:
            return
        values = {f"train/loss/{skill}": torch.stack(losses).mean() for skill, losses in self.losses.items()}
        values |= {f"samples/{name}": torch.tensor(float(count)) for name, count in self.counts.items()}
        for logger in trainer.loggers:
            logger.log_metrics({name: value.item() for name, value in values.items()}, trainer.global_step)
        self.losses.clear()

    def begin(self) -> None:
        """Start new sums."""
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Sum the held-out loss of each skill; a test computes none."""
        if split != "val":
            return
        for skill, loss in zip(batch.skill, outputs["per_sample"].tolist(), strict=True):
            self._sums[skill][0] += loss
            self._sums[skill][1] += 1

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the held-out loss of each skill and the mean over skills."""
        means = {f"val/loss/{skill}": total / count for skill, (total, count) in self._sums.items()}
        if means:
            pl_module.log_dict({**means, "val/loss": sum(means.values()) / len(means)}, sync_dist=True)

    def state_dict(self) -> dict[str, Any]:
        """Counts survive a resume."""
        return {"counts": dict(self.counts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the counts."""
        self.counts = Counter(state_dict["counts"])
