"""Where a run writes: TensorBoard's writers for what Lightning's loggers have no method for, and the run's folder."""

from pathlib import Path

from lightning import Trainer
from torch.utils.tensorboard import SummaryWriter


def tensorboard_writers(trainer: Trainer) -> list[SummaryWriter]:
    """The writer of each TensorBoard logger of a run; none where it logs elsewhere, or on ranks that do not log."""
    found = [getattr(logger, "experiment", None) for logger in trainer.loggers]
    return [writer for writer in found if isinstance(writer, SummaryWriter)]


def run_folder(trainer: Trainer) -> Path:
    """The folder of this run. Unlike ``trainer.log_dir`` one rank may ask for it alone."""
    logged = getattr(trainer.logger, "log_dir", None)
    return Path(logged or trainer.default_root_dir)
