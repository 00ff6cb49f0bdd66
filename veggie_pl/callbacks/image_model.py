"""Say of an image model that it edits clips."""

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Batch
from veggie_pl.inference.image_model import tell_image_model
from veggie_pl.module import VeggieModule


class TellImageModel(Callback):
    """Say it once where `test` gives clips of several frames to a model without temporal layers."""

    def on_test_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Look at the clips."""
        if isinstance(pl_module, VeggieModule) and trainer.is_global_zero:
            tell_image_model(pl_module, batch.source.shape[1])
