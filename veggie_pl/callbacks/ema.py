"""Exponential moving average of the weights."""

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema(WeightAveraging):
    """Lightning's weight averaging with the fused EMA of torch; validation, test and model folders use the average.

    ``EMAWeightAveraging`` of Lightning averages tensor by tensor, which at nano size took a tenth of the step.

    Args:
        decay: Share of the old average kept per optimizer step.
        start_step: Optimizer step of the first update; until then the average is the model.
    """

    def __init__(self, decay: float = 0.999, start_step: int = 0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        super().__init__(use_buffers=False, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
        self.start_step = start_step

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Copy the module, but not its optimizer factory: that one holds on to the command line and the trainer."""
        factory = getattr(pl_module, "make_optimizer", None)
        pl_module.make_optimizer = None  # type: ignore[assignment]
        super().setup(trainer, pl_module, stage)
        pl_module.make_optimizer = factory  # type: ignore[assignment]

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After each optimizer step from ``start_step`` on."""
        return step_idx is not None and step_idx >= self.start_step
