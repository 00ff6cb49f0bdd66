"""Do skills pull the shared weights the same way?"""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.batch import Batch
from veggie_pl.callbacks.writers import logs_at
from veggie_pl.errors import UseError


class GradCosine(Callback):
    """Log the cosine between the gradients of different skills on a part that all of them train.

    ``grad_cosine/SKILL`` is the mean of a skill's cosines with the others of the batch, ``grad_cosine/mean`` and
    ``grad_cosine/min`` are over all pairs: below 0 they work against each other.

    It goes forward and backward once more over the batch, skill by skill, after every 500th step: about the cost of a
    step, and as its graphs are freed one after another, less memory. Those passes leave no gradient and no draw of
    chance behind: the run stays the same to the bit. Off unless it is listed among the callbacks. They are of the first
    rank's batch.

    Args:
        part: Name of the part, such as "aligner" or "queries".
        every_n_steps: Optimizer steps between two values.

    Raises:
        UseError: If nothing of the part learns, or weights are sharded: ranks would have to see the same skills.
    """

    def __init__(self, part: str = "aligner", every_n_steps: int = 500) -> None:
        if every_n_steps < 1:
            raise UseError(f"every_n_steps must be at least 1, got {every_n_steps}")
        self.part, self.every_n_steps = part, every_n_steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look whether the part can be watched."""
        if pl_module.device_mesh is not None:
            raise UseError("GradCosine cannot watch sharded weights: take it out of trainer.callbacks")
        learns = [name for name, one in pl_module.named_children() if any(p.requires_grad for p in one.parameters())]
        if self.part not in learns:
            raise UseError(f"GradCosine: nothing of {self.part!r} learns; the choices are {', '.join(learns)}")
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Look at the batch of a step that is done."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if not trainer.is_global_zero or not logs_at(self._step, trainer, self.every_n_steps):
            return
        devices = [pl_module.device] if pl_module.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.enable_grad(), trainer.precision_plugin.forward_context():
            values = cosines(skill_gradients(pl_module, batch, self.part))
        for logger in trainer.loggers:
            logger.log_metrics({f"grad_cosine/{name}": value for name, value in values.items()}, self._step)


def skill_gradients(module: Any, batch: Batch, part: str) -> dict[str, Tensor]:
    """Compute the gradient of each skill's mean loss on a part, flat; ``.grad`` is left alone.

    Args:
        module: A ``VeggieModule``.
        batch: Of training; chance is that of its examples, as it was in the step.
        part: Name of a child of the module.
    """
    weights = [p for p in getattr(module, part).parameters() if p.requires_grad]
    rows: dict[str, list[int]] = {}
    for row in batch.good:
        rows.setdefault(str(batch.examples[row].skill), []).append(row)
    found = {}
    for skill, own in rows.items():
        loss = module.per_sample_loss(batch.rows(own), "fit").mean()
        grads = torch.autograd.grad(loss, weights, allow_unused=True)
        kept = [torch.zeros_like(p) if g is None else g for p, g in zip(weights, grads, strict=True)]
        found[skill] = torch.cat([one.detach().float().flatten() for one in kept])
    return found


def cosines(gradients: dict[str, Tensor]) -> dict[str, float]:
    """Average each skill's cosines with the others; of fewer than two skills with a gradient there are none."""
    there = {skill: one for skill, one in gradients.items() if one.norm() > 0}
    if len(there) < 2:
        return {}
    unit = torch.stack([one / one.norm() for one in there.values()])
    between = unit @ unit.mT
    others = ~torch.eye(len(there), dtype=torch.bool, device=unit.device)
    means = (between * others).sum(1) / (len(there) - 1)
    values = dict(zip(there, means.tolist(), strict=True))
    return {**values, "mean": float(between[others].mean()), "min": float(between[others].min())}
