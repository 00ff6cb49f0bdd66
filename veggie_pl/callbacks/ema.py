"""Exponential moving average of the weights."""

from collections.abc import Callable

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

Tensors = list[Tensor] | tuple[Tensor, ...]


class Ema(WeightAveraging):
    """Lightning's weight averaging with a fused EMA; validation, test and model folders use the average.

    The average starts short and grows to its full length, so that a short run is not mostly its first weights: after n
    updates the share of the old average that is kept is ``min(decay, (1 + n) / (10 + n))``, as TensorFlow's
    ``ExponentialMovingAverage`` has it.

    Args:
        decay: Share of the old average kept per optimizer step, in the end.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        super().__init__(use_buffers=False, multi_avg_fn=moving_average(decay))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Copy the module, but not its optimizer factory: that one holds on to the command line and the trainer."""
        factory = getattr(pl_module, "make_optimizer", None)
        pl_module.make_optimizer = None  # type: ignore[assignment]
        super().setup(trainer, pl_module, stage)
        pl_module.make_optimizer = factory  # type: ignore[assignment]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What is frozen is its own average: keep no copy of it beside a frozen MLLM of billions of parameters."""
        assert self._average_model is not None
        for average, current in zip(self._average_model.module.parameters(), pl_module.parameters(), strict=True):
            if not current.requires_grad:
                average.data = current.data

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After each optimizer step; the first update takes the weights as they are."""
        return step_idx is not None


def moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """The rule, for torch's ``AveragedModel``; all tensors at once, which at nano size saves a tenth of the step."""

    @torch.no_grad()
    def average(averaged: Tensors, current: Tensors, num_averaged: Tensor | int) -> None:
        done = int(num_averaged)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + done) / (10 + done)))

    return average
