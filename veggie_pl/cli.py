"""The command line: LightningCLI for fit, validate and test; the other commands are handed to the rooms below."""

import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from veggie_pl.callbacks import Freeze, InitFrom
from veggie_pl.callbacks.finite import NonFiniteLossError
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.model_folder import find_model, load_model
from veggie_pl.module import VeggieModule

CONF = Path(__file__).resolve().parent.parent / "conf"
TRAINED = ["runs/stage2/*/model", "runs/stage1/*/model", "weights/nano/model"]  # what `test` and `edit` look for


class VeggieCLI(LightningCLI):
    """One module, one datamodule, and what a run must say: which parts are frozen and whose weights it starts from."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the blocks `freeze:` and `init_from:`."""
        parser.add_lightning_class_args(Freeze, "freeze")
        parser.add_lightning_class_args(InitFrom, "init_from")


def trained_model(folder: str | None = None, num_steps: int | None = None) -> VeggieModule:
    """The module of a model folder.

    Args:
        folder: Model folder; None takes the newest of the runs here, else the shipped weights.
        num_steps: Sampling steps; None keeps the folder's.
    """
    module = load_model(find_model([folder] if folder else TRAINED))
    module.num_steps = num_steps or module.num_steps
    return module


def fit(args: list[str]) -> None:
    """Train, or validate a checkpoint: everything is in the configs."""
    defaults = [str(CONF / name) for name in ("base.yaml", "backbone/nano.yaml", "data/shapes.yaml")]
    VeggieCLI(
        VeggieModule,
        VeggieDataModule,
        args=args,
        parser_kwargs={command: {"default_config_files": defaults} for command in ("fit", "validate")},
        save_config_kwargs={"overwrite": True},
    )


def test(args: list[str]) -> None:
    """Score a trained model on all eight skills."""
    defaults = [str(CONF / name) for name in ("data/shapes.yaml", "eval.yaml")]
    LightningCLI(
        trained_model,
        VeggieDataModule,
        args=args,
        parser_kwargs={"test": {"default_config_files": defaults}},
        save_config_callback=None,
    )


def edit(args: list[str]) -> None:
    """Edit one video or image."""
    from veggie_pl.editing import edit_file

    _call(edit_file, args, "edit")


def predict(args: list[str]) -> None:
    """Edit every clip of a folder."""
    from veggie_pl.editing import edit_folder

    _call(edit_folder, args, "predict")


def export(args: list[str]) -> None:
    """Make a model folder from a checkpoint."""
    from veggie_pl.exporting import export_checkpoint

    _call(export_checkpoint, args, "export")


def preview(args: list[str]) -> None:
    """Draw what a config feeds the model."""
    from veggie_pl.previewing import preview_mixture

    _call(preview_mixture, args, "preview")


def pretrain(args: list[str]) -> None:
    """Stage 0: train the nano MLLM from nothing, as a stand-in for pretrained weights (not part of VEGGIE)."""
    from veggie_pl.pretraining.cli import pretrain_nano

    pretrain_nano(args, CONF)


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "fit": fit,
    "validate": fit,
    "test": test,
    "edit": edit,
    "predict": predict,
    "export": export,
    "preview": preview,
    "pretrain": pretrain,
}


def main(argv: list[str] | None = None) -> None:
    """Run one command; errors of use end with one line and exit code 2 unless ``--debug`` is given."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in ("httpx", "diffusers", "transformers", "filelock", "fsspec"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*|torch.*|jsonargparse.*")
    if not args or args[0] in ("-h", "--help") or args[0] not in COMMANDS:
        lines = [f"  {name:10s}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
        print("usage: python -m veggie_pl COMMAND [--help] [--debug] ...\n\ncommands:\n" + "\n".join(lines))
        if args and args[0] not in ("-h", "--help"):
            sys.exit(f"error: unknown command {args[0]!r}; the choices are {', '.join(COMMANDS)}")
        return
    try:
        COMMANDS[args[0]](args if args[0] in ("fit", "validate", "test") else args[1:])
    except (ValueError, OSError, NonFiniteLossError) as error:
        if debug:
            raise
        sys.exit(f"error: {error}")


def _call(function: Callable[..., Any], args: list[str], command: str) -> None:
    from jsonargparse import auto_cli

    auto_cli(function, args=args, prog=f"python -m veggie_pl {command}")
