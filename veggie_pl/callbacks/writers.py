"""Where and when a run writes: TensorBoard's writers, for what loggers have no method for, steps, and its folder."""

from pathlib import Path

from lightning import Trainer
from torch.utils.tensorboard import SummaryWriter


def tensorboard_writers(trainer: Trainer) -> list[SummaryWriter]:
    """List the writers of a run's TensorBoard loggers; none where it logs elsewhere, or on ranks that do not log."""
    found = [getattr(logger, "experiment", None) for logger in trainer.loggers]
    return [writer for writer in found if isinstance(writer, SummaryWriter)]


def logs_at(step: int, trainer: Trainer, every_n_steps: int | None = None) -> bool:
    """Tell whether values are due after ``step`` optimizer steps; None is the trainer's ``log_every_n_steps``."""
    every = every_n_steps or int(trainer.log_every_n_steps)  # type: ignore[attr-defined]
    return every > 0 and step % every == 0


def run_folder(trainer: Trainer) -> Path:
    """Find the folder of a run, with its checkpoints. Unlike for ``trainer.log_dir`` one rank may ask alone."""
    logger = trainer.logger
    if logger is None:
        return Path(trainer.default_root_dir)
    if logged := getattr(logger, "log_dir", None):
        return Path(logged)
    version = logger.version  # as ModelCheckpoint does for loggers that know no such folder, W&B's for one
    name = version if isinstance(version, str) else f"version_{version}"
    return Path(logger.save_dir or trainer.default_root_dir, str(logger.name), name)
