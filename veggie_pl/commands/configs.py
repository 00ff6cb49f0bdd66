"""From YAML to parts: LightningCLI with the defaults of this project."""

import logging
import sys
from contextlib import nullcontext
from typing import Any, Literal

import torch
from jsonargparse import Namespace
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from veggie_pl.callbacks import (
    Caches,
    ErrorBudget,
    Evaluate,
    Freeze,
    InitFrom,
    KeepPrecision,
    LogConfig,
    ProgressLines,
    Recipe,
    Samples,
    StepBar,
    WriteEdits,
)
from veggie_pl.callbacks.image_model import TellImageModel
from veggie_pl.callbacks.keep_precision import names_precision, trainer_device
from veggie_pl.commands.missing import require_all
from veggie_pl.commands.recipes import read_recipe
from veggie_pl.commands.run_parser import RunParser
from veggie_pl.commands.trained import trained_model
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.errors import UseError
from veggie_pl.files import CONF, TESTING, TRAINING
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.keeping import Keep
from veggie_pl.metrics.methods import CopySource, Method, MethodModule, Oracle
from veggie_pl.models.codec import Codec
from veggie_pl.models.stored import deferred_weights
from veggie_pl.module import VeggieModule
from veggie_pl.planning.advice import cheapest_switches
from veggie_pl.progress import in_terminal
from veggie_pl.training.checkpoint_path import find_checkpoint
from veggie_pl.training.precision import best_precision

log = logging.getLogger(__name__)
__all__ = ["TestCLI", "ValidateCLI", "VeggieCLI"]


class OutOfMemoryError(UseError, RuntimeError):
    """A run does not fit; the message names what to switch on."""


class PreciseCLI(LightningCLI):
    """Computes in what is best on this machine, where no precision is named."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Set the precision, and add a callback that says it and keeps it in checkpoints."""
        config = self._get(self.config_init, "trainer")
        choice = None if names_precision(config) else best_precision(*trainer_device(config))
        kwargs["callbacks"] = [*(kwargs.get("callbacks", config.callbacks) or []), KeepPrecision(choice)]
        if choice is not None:
            kwargs["precision"] = choice.precision
        return super().instantiate_trainer(**kwargs)


class StepsCLI(PreciseCLI):
    """Shows how far a run is: how many of its steps are done. It has one command, ``does``."""

    does = "fit"

    @classmethod
    def subcommands(cls) -> dict[str, set[str]]:
        """Leave out those of Lightning's four that others do: each would cost a parser, a quarter of a second."""
        return {cls.does: LightningCLI.subcommands()[cls.does]}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and find the checkpoint to go on from, before anything is built."""
        super().parse_arguments(parser, args)
        config = self.config.get(str(self.config.get("subcommand")))
        if config is not None and (given := config.get("ckpt_path")):
            config.ckpt_path = find_checkpoint(str(given), config.trainer)
            if config.ckpt_path != str(given):
                log.info("--ckpt_path %s: %s", given, config.ckpt_path)

    def _parse_ckpt_path(self) -> None:
        """Leave the checkpoint to the trainer: Lightning would read all of it here, for settings that ours lack."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add our progress bar, where one is wanted and no other is set; lines where no bar can be seen."""
        config = self._get(self.config_init, "trainer")
        callbacks = config.callbacks or []
        if config.enable_progress_bar is not False and not any(isinstance(one, ProgressBar) for one in callbacks):
            kwargs["callbacks"] = [*callbacks, StepBar() if in_terminal() and sys.stdout.isatty() else ProgressLines()]
        return super().instantiate_trainer(**kwargs)


class VeggieCLI(StepsCLI):
    """One module, one datamodule, and what a run must say: which parts are frozen and whose weights it starts from."""

    def __init__(self, args: list[str], **options: Any) -> None:
        self._given = args
        defaults = dict(options.pop("trainer_defaults", {}))
        defaults["callbacks"] = [*defaults.get("callbacks", []), Caches()]
        try:
            super().__init__(
                VeggieModule,
                VeggieDataModule,
                args=args,
                save_config_callback=LogConfig,
                save_config_kwargs={"overwrite": True},
                parser_class=RunParser,
                trainer_defaults=defaults,
                **options,
            )
        except torch.OutOfMemoryError as error:
            config: Namespace = self.config.get(self.subcommand, self.config) if self.subcommand else self.config
            switches = "; ".join(cheapest_switches(config)) or "a GPU with more memory"
            raise OutOfMemoryError(
                f"out of memory. What helps, cheapest first: {switches}. `plan` with the same configs tells how much"
            ) from error

    def instantiate_classes(self) -> None:
        """Build what the config says, once all that it needs is there."""
        command = str(self.config.get("subcommand"))
        config = self.config.get(command, self.config)
        require_all(config, trains=command == "fit")
        # Ranks that share the weights would otherwise each hold all of them first.
        with deferred_weights() if command == "fit" and shares_weights(config.trainer.strategy) else nullcontext():
            super().instantiate_classes()

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the blocks `freeze:`, `init_from:`, `error_budget:` and `recipe:`, which is filled in."""
        parser.add_lightning_class_args(Freeze, "freeze")
        parser.add_lightning_class_args(InitFrom, "init_from")
        parser.add_lightning_class_args(ErrorBudget, "error_budget")
        parser.add_lightning_class_args(Recipe, "recipe")
        if any(action.dest == "weights_only" for action in parser._actions):  # asking for defaults would parse them all
            parser.set_defaults({"weights_only": True})

    def before_instantiate_classes(self) -> None:
        """Fill in the recipe of the config files."""
        config = self.config[self.subcommand] if self.subcommand else self.config
        if not any(arg.startswith("--recipe.") for arg in self._given):
            found = read_recipe(self._given, TRAINING, CONF)
            config.recipe.name, config.recipe.steps, config.recipe.epochs = found.name, found.steps, found.epochs


class ValidateCLI(VeggieCLI):
    """The same, for a checkpoint on held-out samples."""

    does = "validate"


class TestCLI(StepsCLI):
    """Scores a model folder; `evaluate:` and `samples:` say how."""

    does = "test"

    def __init__(self, args: list[str]) -> None:
        super().__init__(
            scored_method,
            VeggieDataModule,
            args=["test", *args],
            parser_kwargs={"test": {"default_config_files": TESTING}},
            save_config_callback=None,
            parser_class=RunParser,
            trainer_defaults={"callbacks": [TellImageModel()]},
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the blocks `evaluate:`, `samples:`, `edits:` and `error_budget:`; pictures go where the report goes."""
        parser.add_lightning_class_args(Evaluate, "evaluate")
        parser.add_lightning_class_args(WriteEdits, "edits")
        parser.add_lightning_class_args(Samples, "samples")
        parser.add_lightning_class_args(ErrorBudget, "error_budget")
        parser.link_arguments("evaluate.output", "samples.output")


def shares_weights(strategy: Any) -> bool:
    """Tell whether a strategy, as a config has it, gives each rank a part of the weights."""
    return str(getattr(strategy, "class_path", strategy)).endswith("ModelParallelStrategy")


def scored_method(
    folder: str | None = None,
    num_steps: int | None = None,
    baseline: Literal["copy", "oracle"] | None = None,
    codec: Codec | None = None,
    method: Method | None = None,
    quick: Quick | None = None,
    keep: Keep = "nothing",
) -> LightningModule:
    """Make what is scored: a trained model, a baseline that needs none, or any other method.

    Args:
        folder: Model folder; None takes the newest whole one of the runs here, else the shipped weights.
        num_steps: Sampling steps; None keeps the folder's.
        baseline: Score the source itself ("copy") or the exact target through a codec ("oracle") instead.
        codec: Of the oracle: that of the models it bounds.
        method: Score what this class makes instead, such as ``veggie_pl.metrics.EditedFiles``.
        quick: How a trained model is made faster.
        keep: "background" lets a trained model's own mask steer its edits.

    Raises:
        UseError: If several of them are named.
    """
    given = {"folder": folder, "baseline": baseline, "method": method}
    if len(named := [f"--model.{name}" for name, value in given.items() if value is not None]) > 1:
        raise UseError(f"one method is scored at a time, not those of {' and '.join(named)}")
    if method is None and baseline == "copy":
        method = CopySource()
    if method is None and baseline == "oracle":
        if codec is None:
            raise UseError("--model.baseline oracle: name the codec, --model.codec CLASS, as conf/eval.yaml does")
        method = Oracle(codec)
    if method is not None:
        return MethodModule(method)
    module = trained_model(folder, num_steps, VeggieModule)
    quicken(module, quick or Quick())
    module.keep = keep
    return module
