"""How far the average of the weights is from the weights."""

import math
from collections.abc import Sequence

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.callbacks.ema import Ema
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.callbacks.writers import logs_at


class EmaGap(Callback):
    """Log the distance of the averaged weights from the live ones, relative to these, of each part and in all.

    ``ema_gap/PART`` is ||average - weights|| / ||weights|| (L2). One that stays large after the learning rate has come
    down says that the average is too long for the run. Without ``Ema`` there is nothing to log.

    Args:
        every_n_steps: Optimizer steps between two values; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self.every_n_steps = every_n_steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know where steps begin."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Log after a step, before or after the average has followed it."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        ema = next((one for one in trainer.callbacks if isinstance(one, Ema)), None)  # type: ignore[attr-defined]
        if ema is None or not logs_at(self._step, trainer, self.every_n_steps):
            return
        sums: dict[str, tuple[float, float]] = {}
        for own in gathered(squares(ema)):  # of sharded weights each rank has a part
            for part, (gap, size) in own.items():
                known = sums.get(part, (0.0, 0.0))
                sums[part] = known[0] + gap, known[1] + size
        values = {f"ema_gap/{part}": math.sqrt(gap / size) for part, (gap, size) in sums.items() if size}
        for logger in trainer.loggers:
            logger.log_metrics(values, self._step)


@torch.no_grad()
def squares(ema: Ema) -> dict[str, tuple[float, float]]:
    """Sum the squares of the gap and of the weights, by part and over "all"."""
    found: dict[str, tuple[float, float]] = {}
    parts: dict[str, tuple[list[Tensor], list[Tensor]]] = {}
    for name, average, weight in ema.pairs():
        averages, weights = parts.setdefault(name.partition(".")[0], ([], []))
        averages.append(average)
        weights.append(weight)
    for part, (averages, weights) in parts.items():
        found[part] = _square(torch._foreach_sub(averages, weights)), _square(weights)
    gap, size = (sum(one[place] for one in found.values()) for place in range(2))
    return {**found, "all": (gap, size)} if found else {}


def _square(tensors: Sequence[Tensor]) -> float:
    """Sum the squares of all numbers."""
    return float(torch.stack(list(torch._foreach_norm(list(tensors)))).double().square().sum())
