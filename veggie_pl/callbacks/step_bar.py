"""A progress bar for runs whose length is a number of steps."""

from lightning.pytorch.callbacks import RichProgressBar


class StepBar(RichProgressBar):
    """Lightning's bar, but a resumed run goes on where the bar stopped.

    Lightning sets the batches done so far against those that are *left*, and counts epochs to -2 where there are none.
    """

    @property
    def total_train_batches(self) -> int | float:
        """Batches from the first step of the run to its last."""
        trainer = self.trainer
        if trainer.max_epochs != -1 or trainer.max_steps < 0:
            return super().total_train_batches
        return min(trainer.num_training_batches, trainer.max_steps * trainer.accumulate_grad_batches)

    def _get_train_description(self, current_epoch: int) -> str:
        if self.trainer.max_epochs != -1:
            return super()._get_train_description(current_epoch)
        return f"{'Training':{len(self.validation_description)}}"
