"""Caches of a run: ready before its first step, whole at its end, and what they gave in one line."""

import logging
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Batch
from veggie_pl.models.cache import caches_of

log = logging.getLogger(__name__)


class Caches(Callback):
    """Hash weights before the first step, so that no step waits for it; write at the end what is on its way.

    Every command that trains adds it by itself.
    """

    def __init__(self) -> None:
        self._nameless: set[str] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the caches ready: weights are those of the run by now."""
        for cache in caches_of(pl_module).values():
            cache.prepare()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Warn of a stream whose clips have no names: nothing of them is kept."""
        for row in batch.good if caches_of(pl_module) else []:
            stream = batch.examples[row].stream
            if not batch.names[row].source and stream not in self._nameless:
                self._nameless.add(stream)
                log.warning("clips of %s have no names (ClipNames), by which caches know them: nothing is kept", stream)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what was found and what had to be made."""
        for name, cache in caches_of(pl_module).items():
            cache.flush()
            found, made, damaged = (cache.counts[what] for what in ("found", "made", "damaged"))
            log.info(
                "cached %s: %s found, %s made, %s damaged, in %s",
                name,
                f"{found:,}",
                f"{made:,}",
                damaged,
                cache.folder,
            )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write what was made."""
        for cache in caches_of(pl_module).values():
            cache.flush()
