"""``cache``: fills the caches of a run before it."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from jsonargparse import SUPPRESS, Namespace
from lightning.pytorch.cli import LightningArgumentParser
from rich.console import Console
from rich.table import Table

from veggie_pl.caching.filler import Filler
from veggie_pl.caching.run import Filled, Rows, fill_all
from veggie_pl.caching.work import Portion, Size, features_size, latents_size, portions_of
from veggie_pl.callbacks import ErrorBudget, Freeze, InitFrom
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.dry_run import count_ranks
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture_report import Run, planned
from veggie_pl.data.table.quarantine import NAME, RunLog
from veggie_pl.errors import UseError
from veggie_pl.files import TRAINING
from veggie_pl.models.cache import caches_of
from veggie_pl.module import VeggieModule
from veggie_pl.progress import progress

log = logging.getLogger(__name__)
GB = 1e9  # bytes
NO_CACHE = (
    "there is no cache to fill: name a folder, --model.vae.init_args.cache FOLDER for latents (KlCodec) or "
    "--model.mllm.init_args.cache FOLDER for vision features (while the vision tower is frozen)"
)
SIZES = {
    "latents": lambda module, one: latents_size(module.vae, one),
    "features": lambda module, one: features_size(module.mllm, one),
}


class CacheCLI(VeggieCLI):
    """Builds the module of a run, with the run's weights, and a trainer that knows its precision and one device."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what cache takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--workers", type=int | None, default=None, help="processes (one for each core)")
        parser.add_argument("--dry_run", action="store_true", help="say what it would take, and stop")
        for name in ("--ckpt_path", "--weights_only"):
            parser.add_argument(name, type=str | bool | None, default=None, help=SUPPRESS)

    def before_instantiate_classes(self) -> None:
        """Know the run as it is configured; then leave out of the trainer what only training needs."""
        super().before_instantiate_classes()
        if self.config.workers is not None and self.config.workers < 0:
            raise UseError(f"--workers must be at least 0, got {self.config.workers}")
        trainer: Namespace = self.config.trainer
        self.planned: Run = planned(trainer, self.config.data.batch_size, count_ranks(trainer))
        trainer.devices, trainer.num_nodes, trainer.strategy = 1, 1, "auto"
        trainer.callbacks, trainer.logger = None, False
        trainer.enable_progress_bar = trainer.enable_checkpointing = False


def fill_caches(args: list[str]) -> None:
    """Keep latents and vision features of every example that a run will read; say first what it takes.

    Raises:
        UseError: If the config names no cache, or a number is out of range.
        BudgetError: If too many examples cannot be read.
        CacheError: If the disk is full.
    """
    args = ["--dry_run" if arg == "--dry-run" else arg for arg in args]  # as `fit` has it
    cli = CacheCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    module, data, config = cli.model, cli.datamodule, cli.config
    assert isinstance(module, VeggieModule)
    assert isinstance(data, VeggieDataModule)
    workers = len(os.sched_getaffinity(0)) if config.workers is None else config.workers
    callbacks: list[Any] = cli.trainer.callbacks  # type: ignore[attr-defined]
    _begin(module, cli.trainer, callbacks)
    caches = caches_of(module)
    if not caches:
        raise UseError(NO_CACHE)
    portions = portions_of(data.mixture, cli.planned.samples)
    _say_size(module, portions, cli.planned)
    if config.dry_run:
        return
    plugin, device = cli.trainer.precision_plugin, cli.trainer.strategy.root_device
    plugin.convert_module(module)
    module.vae.to(device)
    if module.mllm.features is not None:
        module.mllm.features.tensors.network.to(device)
        module.mllm.vision.to(device)
    rows = Rows(
        data.mixture,
        portions,
        Filler(module, plugin.forward_context, plugin.convert_input, device),
        device.type == "cpu",
    )
    budget = next(one for one in callbacks if isinstance(one, ErrorBudget))
    faults = RunLog(next(iter(caches.values())).folder / NAME)
    filled = Filled()
    try:
        with progress() as tell:
            fill_all(
                rows,
                filled,
                faults,
                workers,
                data.batch_size,
                budget.max_bad,
                data.timeout,
                lambda done: tell("filling caches", done, len(rows)),
            )
    finally:
        log.info("%s", filled)
        if filled.bad:
            log.info("what cannot be read is in %s", faults.path)


def _begin(module: VeggieModule, trainer: Any, callbacks: list[Any]) -> None:
    """Give the module the weights that the run starts from, and freeze what it freezes."""
    for one in callbacks:
        if isinstance(one, InitFrom) and one.folders:
            one.setup(trainer, module, "fit")
    next(one for one in callbacks if isinstance(one, Freeze)).apply(module)
    module.eval()
    features = module.mllm.features
    if features is not None and not features.usable:
        log.info("the vision tower learns in this run: its features are not kept")


def _say_size(module: VeggieModule, portions: list[Portion], run: Run) -> None:
    caches = caches_of(module)
    table = Table("stream", "skill", "shape", title="What the caches are to hold, at most")
    for name in ("examples", *(f"{name}, {unit}" for name in caches for unit in ("entries", "GB"))):
        table.add_column(name, justify="right")
    totals = dict.fromkeys(caches, Size())
    for one in portions:
        sizes = {name: SIZES[name](module, one) for name in caches}
        totals = {name: totals[name] + sizes[name] for name in caches}
        table.add_row(one.group.stream, one.group.skill, one.group.bucket, f"{len(one.rows):,}", *_cells(sizes))
    table.add_section()
    table.add_row("total", "", "", f"{sum(len(one.rows) for one in portions):,}", *_cells(totals))
    console = Console(width=120)
    console.print(table)
    whole = "the whole of every stream" if run.samples is None else f"{run.samples:,} samples of the run"
    console.print(f"For {whole}. What is there already is not made again.", highlight=False)
    for folder in dict.fromkeys(cache.folder for cache in caches.values()):
        wanted = sum(totals[name].bytes for name, cache in caches.items() if cache.folder == folder)
        free = shutil.disk_usage(_existing(folder)).free
        console.print(
            f"{folder}: {wanted / GB:.3g} GB at most, {free / GB:.3g} GB free", highlight=False, soft_wrap=True
        )
        if wanted > free:
            log.warning("%s may run out of disk; what is kept until then stays, and the command goes on there", folder)


def _cells(sizes: dict[str, Size]) -> list[str]:
    return [cell for size in sizes.values() for cell in (f"{size.entries:,}", f"{size.bytes / GB:.3g}")]


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
