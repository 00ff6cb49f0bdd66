"""Loss and number of samples, per skill and per stream."""

from collections import Counter, defaultdict
from typing import Any

import torch
import torch.distributed
from lightning import LightningModule, Trainer

from veggie_pl.batch import Batch
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.callbacks.writers import logs_at


class SkillLoss(HeldOut):
    """Log the mean loss of each skill since the last value, and how many samples of it were trained on in all.

    Every sample is in exactly one mean, also where a run ends or is resumed between two values. Over all ranks; a
    held-out sample that pads a rank counts once, one that cannot be read not at all.

    Args:
        every_n_steps: Optimizer steps between two values; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self.every_n_steps = every_n_steps
        self.losses: dict[str, list[torch.Tensor]] = defaultdict(list)  # of this rank since the last value
        self.counts: Counter[str] = Counter()  # of all ranks, up to the last value
        self.new: Counter[str] = Counter()  # of this rank since
        self._open: list[tuple[Batch, torch.Tensor]] = []  # batches whose step is not done: they come again if resumed
        self._held: dict[str, dict[int, float]] = defaultdict(dict)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know where steps begin."""
        self._step, self._open = trainer.global_step, []
        self._logged = trainer.global_step if not self.new else -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Collect, and log now and then."""
        self._open.append((batch, outputs["per_sample"]))
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        for seen, losses in self._open:
            for row in seen.good:
                example = seen.examples[row]
                # A plain name: checkpoints hold it, and are read without pickle.
                self.losses[str(example.skill)].append(losses[row])
                self.new[f"skill/{example.skill}"] += 1
                self.new[f"stream/{example.stream}"] += 1
        self._open = []
        if logs_at(self._step, trainer, self.every_n_steps):
            self._log(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what came after the last value."""
        if self._logged != self._step:
            self._log(trainer)

    def _log(self, trainer: Trainer) -> None:
        losses: dict[str, list[float]] = defaultdict(list)
        here = {name: torch.stack(found).tolist() for name, found in self.losses.items()}
        for own, new in gathered((here, self.new)):
            self.counts += new
            for skill, found in own.items():
                losses[skill] += found
        values = {f"train/loss/{skill}": sum(found) / len(found) for skill, found in losses.items()}
        values |= {f"samples/{name}": float(count) for name, count in self.counts.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, self._step)
        self.losses.clear()
        self.new.clear()
        self._logged = self._step

    def begin(self) -> None:
        """Start new sums."""
        self._held = defaultdict(dict)

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Keep the held-out losses of each skill; a test computes none, nor does validation without targets."""
        if split != "val" or "per_sample" not in outputs:
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
        """Keep counts and open means over a resume; of several ranks the counts up to the last value."""
        if torch.distributed.is_initialized():
            return {"counts": dict(self.counts)}
        losses = {name: torch.stack(found).tolist() for name, found in self.losses.items()}
        return {"counts": dict(self.counts), "new": dict(self.new), "losses": losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on."""
        self.counts, self.new = Counter(state_dict["counts"]), Counter()
        self.losses.clear()
        if torch.distributed.is_initialized():  # all ranks read the state of one
            self.counts += Counter(state_dict.get("new", {}))
            return
        self.new += Counter(state_dict.get("new", {}))
        for name, found in state_dict.get("losses", {}).items():
            self.losses[name] += torch.tensor(found).unbind()


def gathered(own: Any) -> list[Any]:
    """Gather what each rank has, by rank; all ranks must call it."""
    if not torch.distributed.is_initialized():
        return [own]
    everyone: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(everyone, own)
    return everyone
