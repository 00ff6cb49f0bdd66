"""The config of a run where runs are compared: TensorBoard's page HParams, W&B's table."""

import json
from typing import Any

import yaml
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

from veggie_pl.callbacks.writers import tensorboard_writers

SCORE = "val/score"  # what runs are compared by; TensorBoard shows its last value, also of a run that is going on
_LEFT_OUT = ("trainer.callbacks", "trainer.logger", "trainer.plugins")  # they change nothing that is scored
Value = bool | float | int | str


class LogConfig(SaveConfigCallback):
    """Write ``config.yaml`` into the run's folder, and give its values to the loggers.

    In TensorBoard they are written beside the run's other events, without the folder that ``add_hparams`` would make.
    """

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Log the config when training starts, on the first rank."""
        if stage != "fit":
            return
        values = flat(yaml.safe_load(self.parser.dump(self.config, skip_none=True)))
        experiment, start, _ = hparams(values, {SCORE: 0.0})  # type: ignore[no-untyped-call]
        for writer in tensorboard_writers(trainer):
            for summary in (experiment, start):
                writer._get_file_writer().add_summary(summary)  # type: ignore[no-untyped-call]
        for logger in trainer.loggers:
            if not isinstance(logger, TensorBoardLogger):
                logger.log_hyperparams(values)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the run's page: its last score is the final one."""
        end = hparams({}, {})[2]  # type: ignore[no-untyped-call]
        for writer in tensorboard_writers(trainer):
            writer._get_file_writer().add_summary(end)  # type: ignore[no-untyped-call]


def flat(config: Any, prefix: str = "") -> dict[str, Value]:
    """Flatten a nested config to dotted names and plain values; lists become JSON."""
    found: dict[str, Value] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if key in _LEFT_OUT or value is None:
            continue
        if isinstance(value, dict):
            found |= flat(value, f"{key}.")
        else:
            found[key] = value if isinstance(value, Value) else json.dumps(value)
    return found
