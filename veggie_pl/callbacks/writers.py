"""TensorBoard's writers, for what Lightning's loggers have no method for: texts, pictures and clips."""

from lightning import Trainer
from torch.utils.tensorboard import SummaryWriter


def tensorboard_writers(trainer: Trainer) -> list[SummaryWriter]:
    """The writer of each TensorBoard logger of a run; none where it logs elsewhere, or on ranks that do not log."""
    found = [getattr(logger, "experiment", None) for logger in trainer.loggers]
    return [writer for writer in found if isinstance(writer, SummaryWriter)]
