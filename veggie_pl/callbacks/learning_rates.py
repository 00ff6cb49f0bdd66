"""Learning rates by the name of the part that learns at them."""

from lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from veggie_pl.callbacks.writers import logs_at
from veggie_pl.training.optimizer import learning_rates, name_groups


class LearningRates(Callback):
    """Log ``lr/<part>`` for every part that learns, at the trainer's ``log_every_n_steps``.

    Lightning's own monitor names groups of parameters, which differ from stage to stage, and needs a logger.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the groups again: a checkpoint from before they had names has taken them away."""
        for optimizer in trainer.optimizers:
            name_groups(pl_module, optimizer)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log the rates that the coming step takes."""
        if logs_at(trainer.global_step + 1, trainer):
            pl_module.log_dict({f"lr/{part}": rate for part, rate in learning_rates(optimizer).items()})
