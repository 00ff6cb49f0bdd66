"""Loss and number of samples, per skill and per stream."""

from collections import Counter, defaultdict
from typing import Any

import torch
import torch.distributed
from lightning import LightningModule, Trainer

from veggie_pl.batch import Batch
from veggie_pl.callbacks.held_out import HeldOut


class SkillLoss(HeldOut):
    """Log the mean loss of each skill since the last value, and how many samples of it were trained on in all.

    Over all ranks; a held-out sample that pads a rank counts once, one that cannot be read not at all.

    Args:
        every_n_steps: Batches between two values.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        self.every_n_steps = every_n_steps
        self.losses: dict[str, list[torch.Tensor]] = defaultdict(list)
        self.counts: Counter[str] = Counter()  # of all ranks, up to the last value
        self.new: Counter[str] = Counter()  # of this rank since

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Collect, and log now and then."""
        locate = trainer.datamodule.mixture.locate  # type: ignore[attr-defined]
        index = batch.index.tolist()
        for row in batch.good:
            self.losses[batch.skill[row]].append(outputs["per_sample"][row])
            self.new[f"skill/{batch.skill[row]}"] += 1
            self.new[f"stream/{locate(index[row])[0]}"] += 1
        if (batch_idx + 1) % self.every_n_steps:
            return
        losses: dict[str, list[float]] = defaultdict(list)
        here = {name: torch.stack(found).tolist() for name, found in self.losses.items()}
        for own, new in gathered((here, self.new)):
            self.counts += new
            for skill, found in own.items():
                losses[skill] += found
        values = {f"train/loss/{skill}": sum(found) / len(found) for skill, found in losses.items()}
        values |= {f"samples/{name}": float(count) for name, count in self.counts.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, trainer.global_step)
        self.losses.clear()
        self.new.clear()

    def begin(self) -> None:
        """Start new sums."""
        self._held: dict[str, dict[int, float]] = defaultdict(dict)

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Keep the held-out losses of each skill; a test computes none."""
        if split != "val":
            return
        losses = outputs["per_sample"].tolist()
        for skill, index, loss in zip(batch.skill, batch.index.tolist(), losses, strict=True):
            self._held[skill][index] = loss

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the held-out loss of each skill and the mean over skills."""
        held: dict[str, dict[int, float]] = defaultdict(dict)
        for own in gathered(dict(self._held)):
            for skill, losses in own.items():
                held[skill] |= losses
        means = {f"val/loss/{skill}": sum(losses.values()) / len(losses) for skill, losses in held.items()}
        if means:
            pl_module.log_dict({**means, "val/loss": sum(means.values()) / len(means)}, sync_dist=True)

    def state_dict(self) -> dict[str, Any]:
        """Counts survive a resume; of several ranks those up to the last value."""
        return {"counts": dict(self.counts if torch.distributed.is_initialized() else self.counts + self.new)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the counts."""
        self.counts = Counter(state_dict["counts"])


def gathered(own: Any) -> list[Any]:
    """What each rank has, by rank; all ranks must call it."""
    if not torch.distributed.is_initialized():
        return [own]
    everyone: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(everyone, own)
    return everyone
