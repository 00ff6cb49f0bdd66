"""A run says what it computes in, and whether it did so before it was stopped."""

import logging
from typing import Any

import torch
from jsonargparse import Namespace
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.accelerators import Accelerator, CUDAAccelerator
from lightning.pytorch.plugins.precision import Precision

from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.errors import UseError
from veggie_pl.training.precision import Choice

log = logging.getLogger(__name__)


class KeepPrecision(Callback):
    """Log the precision and its reason; keep it in checkpoints, and say so when a run goes on in another.

    Every command that builds a Trainer adds it by itself.

    Args:
        choice: What was chosen for this machine; None where the config or the command line named a precision.
    """

    def __init__(self, choice: Choice | None = None) -> None:
        self.choice = choice
        self.now: str | None = None
        self.before: str | None = None  # what the checkpoint was computed in

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say it, and that all ranks agree."""
        self.now = str(trainer.precision)
        found = sorted(set(gathered(self.now)))
        if len(found) > 1:
            raise UseError(
                f"the processes of this run chose different precisions; name one: --trainer.precision {found[0]}"
            )
        if trainer.is_global_zero:
            log.info("%s", self.choice or Choice(self.now, "as the config or --trainer.precision says"))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn of a change, after which a run is not, bit for bit, the one that was stopped."""
        if self.before not in (None, self.now) and trainer.is_global_zero:
            log.warning(
                "this run goes on in %s, its checkpoint was computed in %s: --trainer.precision %s keeps to it",
                *(self.now, self.before, self.before),
            )

    def state_dict(self) -> dict[str, Any]:
        """Keep what it is computed in."""
        return {"precision": self.now}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what it was computed in."""
        self.before = state_dict["precision"]


def names_precision(trainer: Namespace) -> bool:
    """Tell whether a ``trainer:`` block, with its classes built, says what to compute in: by name or by a plugin."""
    plugins = trainer.plugins if isinstance(trainer.plugins, list) else [trainer.plugins]
    plugins = [*plugins, getattr(trainer.strategy, "_precision_plugin", None)]
    return trainer.precision is not None or any(isinstance(plugin, Precision) for plugin in plugins)


def trainer_device(trainer: Namespace) -> tuple[str, list[int]]:
    """Find the kind of device that a ``trainer:`` block runs on, and which GPUs; none named is all."""
    kind = trainer.accelerator
    if isinstance(kind, Accelerator):
        kind = kind.name()
    if kind == "auto":
        kind = "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"
    if kind == "gpu":
        kind = "cuda" if torch.cuda.is_available() else "mps"
    if kind != "cuda" or trainer.devices == "auto" or not torch.cuda.is_available():
        return kind, []
    return kind, CUDAAccelerator.parse_devices(trainer.devices) or []
