"""What callbacks share that look at held-out examples, in validation and in test alike."""

from abc import ABC, abstractmethod
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Batch, MissingSample
from veggie_pl.data.benchmark import Measures
from veggie_pl.data.datamodule import WRITTEN
from veggie_pl.metrics.skills import SkillTable


class HeldOut(Callback, ABC):
    """Hears of held-out batches under the name of their split, "val" or "test"."""

    @abstractmethod
    def begin(self) -> None:
        """Forget the last round."""

    @abstractmethod
    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Look at a batch and at what the module's step returned for it; samples that cannot be read are not in it."""

    def see_written(self, trainer: Trainer, outputs: Any, batch: Batch) -> None:
        """Look at a batch of a test that is asked in written wordings once more: most have no use for it."""

    def miss(self, trainer: Trainer, split: str, missing: list[tuple[int, MissingSample]]) -> None:
        """Hear of samples that cannot be read, with their positions in the split."""

    def _hear(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        if len(batch) and batch.stream[0].startswith(f"{WRITTEN}/"):
            split = WRITTEN
        if missing := batch.missing_samples:
            self.miss(trainer, split, missing)
            rows = batch.good
            outputs, batch = {name: value[rows] for name, value in outputs.items()}, batch.rows(rows)
        if len(batch) and split == WRITTEN:
            self.see_written(trainer, outputs, batch)
        elif len(batch):
            self.see(trainer, split, outputs, batch)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow Lightning's hook."""
        self.begin()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow Lightning's hook."""
        self.begin()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Follow Lightning's hook."""
        self._hear(trainer, "val", outputs, batch)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Follow Lightning's hook."""
        self._hear(trainer, "test", outputs, batch)


def measures_of(trainer: Trainer, split: str) -> Measures:
    """Ask the benchmark of a split what edits are scored by: the table of the eight skills where it brings nothing.

    Args:
        trainer: Of the run.
        split: "val", "test" or "written".
    """
    benchmark = getattr(getattr(trainer, "datamodule", None), split, None)
    return getattr(benchmark, "measures", None) or SkillTable(aspects=["answer"])
