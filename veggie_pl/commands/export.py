"""Checkpoint or model folder -> model folder."""

import logging
from pathlib import Path
from typing import Any, Literal

import torch
from jsonargparse import SUPPRESS, Namespace
from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.callbacks.recipe import record_in
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.parser import CommandParser, value_of
from veggie_pl.errors import UseError, one_line
from veggie_pl.files import TRAINING, whole_folder
from veggie_pl.inference.extras import need
from veggie_pl.inference.onnx_parity import save_onnx
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import check_model_place, load_model, save_model
from veggie_pl.models.checkpoints import load_strictly
from veggie_pl.models.dit.adapters import save_for_diffusers
from veggie_pl.module import VeggieModule
from veggie_pl.outputs import Role, configs_read, refuse_overlap
from veggie_pl.training.left_out import put_back
from veggie_pl.training.record import TrainingRecord, describe, now

log = logging.getLogger(__name__)


class ExportCLI(VeggieCLI):
    """A config's model, with the weights of a checkpoint if one is given."""

    def instantiate_classes(self) -> None:
        """Build, once it is known that the model can be written."""
        config = self.config
        given = [("checkpoint", config.checkpoint)] if config.checkpoint else []
        _check_places(config, [*configs_read(config), *given, *_shared(config)])
        super().instantiate_classes()

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what export takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument(
            "--checkpoint", type=str | None, default=None, help="a .ckpt of fit; its config is beside it"
        )
        for name in ("--ckpt_path", "--weights_only"):  # a run's config.yaml names what it was resumed from
            parser.add_argument(name, type=str | bool | None, default=None, help=SUPPRESS)
        _add_output(parser)


def _add_output(parser: LightningArgumentParser | CommandParser) -> None:
    parser.add_argument("--output", "-o", type=str | None, default=None, help="the model folder to write")
    parser.add_argument(
        "--onnx",
        type=str | None,
        default=None,
        help="also write MLLM, diffusion model and codec as graphs of ONNX to this folder, with what edits need beside",
    )
    parser.add_argument("--half", action="store_true", help="store float16, half the size")
    parser.add_argument(
        "--share_mllm",
        type=str | None,
        default=None,
        help="a folder with the same MLLM, which the model folder then names instead of holding it",
    )
    parser.add_argument(
        "--adapters",
        type=Literal["merged", "separate"],
        default="merged",
        help="the MLLM's LoRA adapters: added into its weights, or a peft folder of their own",
    )
    parser.add_argument(
        "--diffusers",
        type=str | None,
        default=None,
        help="also write transformer, codec and scheduler to this folder, which diffusers reads alone",
    )
    parser.add_argument(
        "--diffusers_adapters",
        type=Literal["merged", "separate"],
        default="merged",
        help="there, the transformer's LoRA adapters: added into its weights, or a file for load_lora_weights",
    )


def export_model(args: list[str]) -> None:
    """Write a model folder. A checkpoint brings the averaged weights if the run kept an average.

    ``--from FOLDER`` takes a model folder in place of a checkpoint and config.

    Raises:
        UseError: If the checkpoint does not exist or does not fit the config's model.
    """
    if any(arg.split("=")[0] == "--from" for arg in args):
        parser = CommandParser(prog="python -m veggie_pl export", description="Write a model folder again.")
        parser.add_argument("--from", type=str, required=True, help="a model folder, in place of a checkpoint")
        _add_output(parser)
        options = parser.parse_args(args)
        source_role: Role = ("model folder", options["from"])
        _check_places(options, [source_role, *_shared(options)])
        source: VeggieModel = load_model(folder := Path(options["from"]))
        log.info("model: %s (%s)", folder, describe(source.record))
        _write(source, options)
        return
    config_of_run = _config_beside(args)
    cli = ExportCLI([*config_of_run, *args], run=False, parser_kwargs={"default_config_files": TRAINING})
    config: Namespace = cli.config
    module = cli.model
    assert isinstance(module, VeggieModule)
    recipe = config.recipe
    module.record = TrainingRecord(recipe.name, recipe.steps, 0, 0, None, now())
    if config.checkpoint is not None:
        checkpoint = read_checkpoint(config.checkpoint)
        put_back(module, checkpoint, config.checkpoint)
        load_strictly(module, averaged_weights(checkpoint), config.checkpoint)
        module.record = record_in(checkpoint)
        log.info("model: %s (%s)", config.checkpoint, describe(module.record))
    _write(module, config)


def read_checkpoint(path: str) -> dict[str, Any]:
    """Read a .ckpt of fit.

    Raises:
        UseError: If it is torn, or something else.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a torn file, or one of another kind, raises nearly anything
        raise UseError(f"{path} cannot be read as a checkpoint: {one_line(problem)[:200]}") from problem
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise UseError(f"{path} is no checkpoint of fit: it has no state_dict")
    return checkpoint


def averaged_weights(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Take a checkpoint's weights, in place of which stands their average where the run kept one."""
    kept = [state["average"] for name, state in checkpoint.get("callbacks", {}).items() if name.startswith("Ema")]
    weights: dict[str, Any] = checkpoint["state_dict"]
    return weights | (kept[0] if kept else {})


def _write(module: VeggieModel, options: Namespace) -> None:
    shared = None if options.share_mllm is None else Path(options.share_mllm)
    if options.output is not None:
        save_model(module, Path(options.output), options.half, shared, options.adapters)
        log.info("model folder: %s", options.output)
    if options.onnx is not None:
        with whole_folder(Path(options.onnx)) as building:
            found = save_onnx(module, building, options.half)
        told = ", ".join(f"{name} {apart:.1e}" for name, apart in found.items())
        log.info("for ONNX: %s; largest differences from torch: %s", options.onnx, told)
    if options.diffusers is not None:
        with whole_folder(Path(options.diffusers)) as building:
            save_for_diffusers(module, building, options.diffusers_adapters)
        log.info("for diffusers: %s", options.diffusers)


def _check_places(options: Namespace, reads: list[Role]) -> None:
    """Look whether all folders can be written, before anything is built."""
    if options.output is None and options.onnx is None:
        raise UseError("name the model folder to write with --output, or one for graphs with --onnx")
    if options.onnx is not None:
        for package in ("onnx", "onnxruntime"):
            need(package, "onnx")
    given = {"output": options.output, "--diffusers": options.diffusers, "--onnx": options.onnx}
    written = {name: place for name, place in given.items() if place is not None}
    for name, place in written.items():
        refuse_overlap([*reads, *(one for one in written.items() if one[0] != name)], [(name, place)])
    if options.output is not None:
        check_model_place(Path(options.output), reads)
    for name, place in written.items():
        path = Path(place)
        if name != "output" and path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UseError(f"{path} exists: name another folder for {name}, or remove it first")


def _shared(options: Namespace) -> list[Role]:
    return [] if options.share_mllm is None else [("MLLM", options.share_mllm)]


def _config_beside(args: list[str]) -> list[str]:
    """Find the config of the run that wrote the checkpoint: LightningCLI keeps it in the run's folder."""
    given = value_of("--checkpoint", args)
    if given is None:
        return []
    checkpoint = Path(given)
    if not checkpoint.is_file():
        raise UseError(f"no checkpoint at {checkpoint}")
    found = [folder / "config.yaml" for folder in checkpoint.parents if (folder / "config.yaml").is_file()]
    return ["--config", str(found[0])] if found else []
