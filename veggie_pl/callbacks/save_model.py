"""Leave a model folder when a run ends."""

import logging

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from veggie_pl.callbacks.recipe import record_of
from veggie_pl.callbacks.stopping import LAST
from veggie_pl.callbacks.writers import run_folder
from veggie_pl.model_folder import save_model
from veggie_pl.module import VeggieModule
from veggie_pl.training.fsdp import whole_weights

log = logging.getLogger(__name__)


class SaveModel(Callback):
    """Write ``<log_dir>/model`` when fit ends: what `test`, `edit` and `init_from` take.

    An MLLM that was frozen is not in it, but named; `export` writes a folder with all in it.
    A run that is stopped leaves its checkpoint; a line says how to use it.
    """

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write before the checkpoint callback does."""
        if isinstance(exception, KeyboardInterrupt) and trainer.global_step and trainer.is_global_zero:
            log.info("to use it as it is: export --checkpoint %s -o my_model", run_folder(trainer) / LAST)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write after weight averaging has put the average into the module."""
        assert isinstance(pl_module, VeggieModule)
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        with whole_weights(pl_module, keep=trainer.is_global_zero):
            if trainer.is_global_zero:
                folder = run_folder(trainer) / "model"
                pl_module.record = record_of(trainer)
                save_model(pl_module, folder, leave_out=True)
                log.info("model folder: %s (%s)", folder, pl_module.record)
