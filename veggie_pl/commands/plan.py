"""``plan``: what a config will need, before anything is downloaded."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeFloat, PositiveFloat, PositiveInt
from lightning.pytorch.cli import LightningArgumentParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.files import TRAINING
from veggie_pl.outputs import check_place, configs_read, refuse_overlap
from veggie_pl.planning.advice import Advice, advise
from veggie_pl.planning.counting import Held
from veggie_pl.planning.devices import GIB, GPUS, Device, origin
from veggie_pl.planning.predict import Prediction, predict
from veggie_pl.progress import progress

log = logging.getLogger(__name__)
LAUNCH_BOUND = 0.1  # share of a step from which on the host is said to hold it up


class PlanCLI(VeggieCLI):
    """Reads the config of a run and builds nothing of it."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what plan takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--gpu", type=Literal[tuple(GPUS)], default="a100-80", help="what it will run on")
        parser.add_argument("--num_frames", type=int | None, default=None, help="frames a clip (the model's own)")
        parser.add_argument("--text_tokens", type=int, default=40, help="of instruction and chat template together")
        parser.add_argument("--all", action="store_true", help="hours and cost of whole stages on several GPUs")
        parser.add_argument("--next", action="store_true", help="with --all: the arguments of the next stage follow")
        parser.add_argument("--gpus", type=list[PositiveInt], default=[1, 2, 4, 8], help="with --all: how many")
        parser.add_argument(
            "--price", type=NonNegativeFloat, default=2.0, help="with --all: of one GPU for an hour, in any currency"
        )
        parser.add_argument(
            "--network",
            type=PositiveFloat,
            default=50.0,
            help="with --all: GB/s of each GPU between machines of 8, one way (50 is 400 Gbit/s)",
        )
        parser.add_argument(
            "--rows",
            type=PositiveInt | None,
            default=None,
            help="with --all: of an epoch, where tables are not at hand",
        )
        parser.add_argument("--output", "-o", type=str | None, default=None, help="also write the plan here, as JSON")

    def instantiate_classes(self) -> None:
        """Build nothing."""


def plan_run(args: list[str]) -> None:
    """Print parameters, FLOPs, memory and time, and what to switch on if it does not fit."""
    if "--all" in args:
        from veggie_pl.commands.plan_all import plan_all

        return plan_all(args)
    config: Namespace = PlanCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING}).config
    if config.output is not None:
        refuse_overlap(configs_read(config), [("plan", config.output)])
        check_place(Path(config.output))
    device = GPUS[config.gpu]
    with progress() as tell:
        found = predict(config, device, config.num_frames, config.text_tokens, _say_parts, tell)
        fits = found.peak <= device.memory
        given = [] if fits else advise(config, found, device, config.num_frames, config.text_tokens, tell)
    console = Console(width=120)
    console.print(parts_table(found))
    console.print(memory_table(found, config.gpu, device))
    console.print(
        f"An optimizer step of {found.samples} samples takes about {found.seconds:.3g} s on {config.gpu} "
        f"in {config.trainer.precision or device.precision} "
        f"({found.samples / found.seconds:.3g} samples/s, {found.num_frames} frames each). {waiting(found)}"
        f"Rates: {origin(config.gpu)}."
    )
    if given:
        console.print(advice_table(given))
    if config.output is not None:
        answer = {
            "gpu": config.gpu,
            "rates": origin(config.gpu),
            "fits": fits,
            **asdict(found),
            "advice": [asdict(one) for one in given],
        }
        Path(config.output).write_text(json.dumps(answer, indent=2) + "\n")


def _say_parts(held: Held) -> None:
    """Say what there is before it is counted, which takes minutes for large models."""
    sizes = (
        f"{name} {size / 1e6:,.2f} M" + ("" if learns else ", frozen") for name, (size, learns) in held.items() if size
    )
    log.info("counting a training step of: %s", "; ".join(sizes))


def waiting(found: Prediction) -> str:
    """Say that a step is bound by the host's launches, where it is."""
    if found.launch_bound < LAUNCH_BOUND:
        return ""
    return f"Launch-bound: the GPU waits {100 * found.launch_bound:.0f} % of it for the host; more samples help. "


def parts_table(found: Prediction) -> Table:
    """Draw parameters, FLOPs and time, part by part."""
    table = Table("part", title="What there is to do")
    for name in ("parameters, M", "learning, M", "GFLOP a sample", "ms a step"):
        table.add_column(name, justify="right")
    rows: list[tuple[Any, ...]] = [
        (name, part.parameters, part.learning, part.flops, part.seconds) for name, part in found.parts.items()
    ]
    rows.append(("in all", *(sum(row[i] for row in rows) for i in range(1, 5))))
    for name, count, learning, flops, seconds in rows:
        table.add_row(
            name, f"{count / 1e6:,.2f}", f"{learning / 1e6:,.2f}", f"{flops / 1e9:,.1f}", f"{seconds * 1e3:,.1f}"
        )
    return table


def memory_table(found: Prediction, name: str, device: Device) -> Table:
    """Draw memory by what it holds."""
    table = Table("memory", title="What it takes")
    table.add_column("GiB", justify="right")
    for what, size in found.memory.items():
        table.add_row(what, f"{size / GIB:.2f}")
    verdict = "fits" if found.peak <= device.memory else "does not fit"
    table.add_row(f"peak: {verdict} {name} ({device.memory / GIB:.0f} GiB)", f"{found.peak / GIB:.2f}")
    return table


def advice_table(given: list[Advice]) -> Table:
    """Draw the switches, each with those before it."""
    table = Table("switch on, one after the other", title="What to do")
    table.add_column("peak, GiB", justify="right")
    table.add_column("s a step", justify="right")
    table.add_column("fits")
    for one in given:
        table.add_row(escape(one.setting), f"{one.peak / GIB:.2f}", f"{one.seconds:.3g}", "yes" if one.fits else "no")
    return table
