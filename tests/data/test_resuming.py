"""Lightning's loops around the mixture: wherever a checkpoint is written, the run that goes on from it is the same one.

Among the cases is Lightning-AI/pytorch-lightning#20550: a scheduler that asks how many steps there will be makes
Lightning fetch the loader before it restores states, and loaders with a state of their own then never get it back.
"""

import itertools
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from support.mixtures import Rows

from veggie_pl.callbacks import WholeSteps
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Weighted


class Adder(L.LightningModule):
    """Its weight depends on all samples in their order; its schedule asks for the number of steps."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.read: list[list[int]] = []

    def training_step(self, batch, batch_idx: int) -> torch.Tensor:
        self.read.append(batch.index.tolist())
        return (self.weight * batch.index.double().sin()).sum()

    def validation_step(self, batch, batch_idx: int) -> None:
        self.log("seen", float(len(batch)))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), 0.1, momentum=0.9)
        total = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=int(total))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class OnLoad(ModelCheckpoint):
    """Writes every checkpoint under a name of its own, at every chance Lightning gives."""

    def __init__(self, folder: Path, at: str) -> None:
        super().__init__(folder, save_top_k=0)
        self.folder, self.at, self.count = folder, at, itertools.count()

    def write(self, trainer: L.Trainer, when: str) -> None:
        if when == self.at and not trainer.sanity_checking:
            trainer.save_checkpoint(self.folder / f"{next(self.count)}.ckpt")

    def on_train_batch_end(self, trainer, *args: Any) -> None:
        self.write(trainer, "batch")

    def on_validation_end(self, trainer, *args: Any) -> None:
        self.write(trainer, "validation")

    def on_train_epoch_end(self, trainer, *args: Any) -> None:
        self.write(trainer, "epoch")


def run(options: dict[str, Any], folder: Path, at: str, workers: int = 0, ckpt: Path | None = None) -> Adder:
    module = Adder()
    streams = {"a": Weighted(Rows("a", 7), 2.0), "b": Weighted(Rows("b", 5), 1.0)}
    data = VeggieDataModule(
        streams, ListedBenchmark({"removal": Rows("held", 3)}), batch_size=2, eval_batch_size=2, num_workers=workers
    )
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        callbacks=[OnLoad(folder, at), WholeSteps()],
        **options,
    )
    trainer.fit(module, data, ckpt_path=None if ckpt is None else str(ckpt), weights_only=True)
    return module


ENDLESS = {"max_steps": 6, "max_epochs": -1, "check_val_every_n_epoch": None}
EPOCHS = {"max_epochs": 3, "limit_train_batches": 5}
CASES = [
    ("batch", ENDLESS | {"val_check_interval": 2}),
    ("validation", ENDLESS | {"val_check_interval": 2}),
    ("batch", ENDLESS | {"val_check_interval": 3, "accumulate_grad_batches": 2}),
    ("validation", ENDLESS | {"val_check_interval": 3, "accumulate_grad_batches": 2}),
    ("batch", EPOCHS),
    ("validation", EPOCHS),
    ("epoch", EPOCHS),
    ("batch", EPOCHS | {"accumulate_grad_batches": 2}),
    ("validation", EPOCHS | {"accumulate_grad_batches": 2, "val_check_interval": 3}),
    ("validation", EPOCHS | {"check_val_every_n_epoch": None, "val_check_interval": 4}),
    ("epoch", EPOCHS | {"accumulate_grad_batches": 2}),
    ("batch", EPOCHS | {"max_steps": 12, "max_epochs": -1}),
    ("batch", EPOCHS | {"reload_dataloaders_every_n_epochs": 1}),
    ("epoch", EPOCHS | {"reload_dataloaders_every_n_epochs": 1}),
]


@pytest.mark.parametrize(("at", "options"), CASES)
def test_goes_on_exactly_from_wherever_it_was_kept(at: str, options: dict[str, Any], tmp_path: Path) -> None:
    whole = run(options, tmp_path / "whole", at)
    flat = [index for batch in whole.read for index in batch]
    assert flat == list(range(len(flat)))  # also from one epoch to the next
    kept = positions(tmp_path / "whole")
    assert len(kept) >= 2
    for path, position in kept.items():
        folder = tmp_path / f"from{path.stem}"
        again = run(options, folder, at, ckpt=path)
        assert [index for batch in again.read for index in batch] == flat[position:], path
        assert torch.equal(again.weight, whole.weight), path
        assert set(positions(folder).values()) <= {place for place in kept.values() if place >= position}


def positions(folder: Path) -> dict[Path, int]:
    """Where the mixture stood at each checkpoint, in the order in which they were written."""
    paths = sorted(folder.glob("*.ckpt"), key=lambda path: int(path.stem))
    return {path: torch.load(path, weights_only=True)["VeggieDataModule"]["position"] for path in paths}


class Late(SingleDeviceStrategy):
    """Restores after the optimizer is made, as FSDP2 and DeepSpeed do: the loader was made, and read from, before."""

    restore_checkpoint_after_setup = True


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_strategy_that_restores_late_goes_on_exactly(tmp_path: Path, workers: int) -> None:
    whole = run(EPOCHS, tmp_path / "whole", "batch")
    late = EPOCHS | {"strategy": Late(torch.device("cpu"))}
    again = run(late, tmp_path / "again", "batch", workers, tmp_path / "whole/6.ckpt")
    assert whole.read[7:] == again.read
    assert torch.equal(again.weight, whole.weight)


@pytest.mark.slow
def test_workers_go_on_exactly_too(tmp_path: Path) -> None:
    whole = run(EPOCHS, tmp_path / "whole", "batch")
    again = run(EPOCHS, tmp_path / "again", "batch", workers=2, ckpt=tmp_path / "whole/6.ckpt")
    assert whole.read[7:] == again.read
    assert torch.equal(again.weight, whole.weight)
