"""``fit --dry-run``: what a run would read, before anything is trained or built."""

from typing import Any

import torch
from jsonargparse import SUPPRESS, Namespace
from lightning.pytorch.cli import LightningArgumentParser
from rich.console import Console

from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.parser import CommandParser
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture_report import explanation, planned, report_table
from veggie_pl.files import TRAINING


class DryRunCLI(VeggieCLI):
    """Only the data module of a run is built."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what `fit` takes."""
        super().add_arguments_to_parser(parser)
        for name in ("--ckpt_path", "--weights_only"):
            parser.add_argument(name, type=str | bool | None, default=None, help=SUPPRESS)

    def instantiate_classes(self) -> None:
        """Build no model."""
        parser = CommandParser()
        parser.add_class_arguments(VeggieDataModule, "data")
        self.datamodule = parser.instantiate_classes({"data": self.config.data})["data"]


def show_run(args: list[str]) -> None:
    """Print proportions, samples and epochs of every group of the mixture, and what they mean."""
    cli = DryRunCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    data, trainer = cli.datamodule, cli.config.trainer
    assert isinstance(data, VeggieDataModule)
    run = planned(trainer, data.batch_size, count_ranks(trainer))
    data.check_blocks(data.batch_size * run.ranks)
    console = Console(width=120)
    console.print(report_table(data.mixture, run))
    console.print(explanation(data.mixture, run), highlight=False)


def count_ranks(trainer: Namespace) -> int:
    """Count the processes that the ``trainer:`` block of a config would start, on all nodes."""
    devices: Any = trainer.devices
    if isinstance(devices, str) and devices.lstrip("-").isdigit():
        devices = int(devices)
    elif isinstance(devices, str) and "," in devices:
        devices = [one for one in devices.split(",") if one]
    if devices in ("auto", -1):
        here = 0 if trainer.accelerator == "cpu" else torch.cuda.device_count()
    else:
        here = devices if isinstance(devices, int) else len(devices)
    return max(1, here) * int(trainer.num_nodes)
