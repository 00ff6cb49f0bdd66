"""Checkpoints hold whole optimizer steps."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.data.datamodule import batches_without_step


class WholeSteps(Callback):
    """Let a checkpoint that is written between two batches of one step count only the steps that are done.

    With gradients gathered over several batches, validation or an error may fall between two of them. Those gradients
    are in no checkpoint: Lightning would go on with the rest of the batches as if the first ones had been learned from.
    Here the resumed run begins the step anew; the data module does the same with the samples.
    """

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Set the counters of batches back to the last step."""
        begun = batches_without_step(trainer)
        if not begun:
            return
        for progress in checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"].values():
            if isinstance(progress, dict):
                progress.update(dict.fromkeys(progress, progress["processed"] - begun))
