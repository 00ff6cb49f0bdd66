"""Have the task queries collapsed? How much what the MLLM says of them differs."""

from typing import Any

import torch
from jaxtyping import Float
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from veggie_pl.callbacks.writers import logs_at

TINY = 1e-12  # keeps zeros from dividing


class QuerySpread(Callback):
    """Log how alike the outputs of the task queries are, of one training batch now and then.

    ``queries/cosine`` is the mean cosine of two queries of one frame, ``queries/effective_rank`` in how many directions
    they point, and ``queries/cosine_samples`` the mean cosine of two samples' outputs: at 1 the queries say the same
    whatever is asked. They are of the first rank's batch, without gradients, at no more cost than their own products.

    Args:
        every_n_steps: Optimizer steps between two values; None is the trainer's ``log_every_n_steps``.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self.every_n_steps = every_n_steps
        self._is_due = False
        self._seen: Tensor | None = None
        self._hook: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen to what the MLLM makes of the queries."""
        self._step = trainer.global_step
        mllm: Any = pl_module.mllm
        self._hook = mllm.register_forward_hook(self._hear)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Know whether this batch is looked at."""
        self._seen = None
        self._is_due = trainer.is_global_zero and logs_at(trainer.global_step + 1, trainer, self.every_n_steps)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log after the step that the batch belongs to."""
        seen, self._seen, self._is_due = self._seen, None, False
        if seen is None or trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        values = {f"queries/{name}": float(value) for name, value in spread(seen[batch.good]).items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, self._step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen no more."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _hear(self, module: Any, args: Any, output: Tensor) -> None:
        if self._is_due and self._seen is None:  # other callbacks may ask it again
            self._seen = output.detach()


@torch.no_grad()
def spread(hidden: Float[Tensor, "b g q d"]) -> dict[str, Float[Tensor, ""]]:
    """Measure how far outputs of queries differ.

    Returns:
        "cosine", in [-1, 1]: mean over pairs of different queries of one group. "effective_rank", in [1, q]: exp of the
        entropy of a group's singular values, scaled to sum to one, mean over groups (Roy and Vetterli, EUSIPCO 2007).
        "cosine_samples", in [-1, 1]: mean over pairs of different samples, all their queries joined. What has no pair
        is left out.
    """
    unit = torch.nn.functional.normalize(hidden.float(), dim=-1)
    found = {}
    if hidden.shape[2] > 1:
        found["cosine"] = _off_diagonal(unit @ unit.mT)
        gram = hidden.float() @ hidden.float().mT
        share = torch.linalg.eigvalsh(gram.double()).clamp(min=0).sqrt()
        share = share / share.sum(-1, keepdim=True).clamp(min=TINY)
        found["effective_rank"] = (-(share * share.clamp(min=TINY).log()).sum(-1)).exp().mean()
    if len(hidden) > 1:
        joined = torch.nn.functional.normalize(hidden.float().flatten(1), dim=-1)
        found["cosine_samples"] = _off_diagonal((joined @ joined.mT)[None])
    return found


def _off_diagonal(cosines: Float[Tensor, "... n n"]) -> Float[Tensor, ""]:
    """Average the cosines of different ones."""
    number = cosines.shape[-1]
    total = cosines.sum((-2, -1)) - cosines.diagonal(dim1=-2, dim2=-1).sum(-1)
    return (total / (number * (number - 1))).mean()
