"""``plan --all``: what whole stages take on several numbers of GPUs, in hours and in money."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from jsonargparse import Namespace
from rich.console import Console
from rich.table import Table

from veggie_pl.commands.dry_run import count_ranks
from veggie_pl.commands.missing import named_parts
from veggie_pl.commands.plan import PlanCLI
from veggie_pl.data.mixture_report import planned
from veggie_pl.data.table.shards import INFO, TableInfo
from veggie_pl.errors import UseError
from veggie_pl.files import CONF, TRAINING
from veggie_pl.outputs import check_place, configs_read, refuse_overlap
from veggie_pl.planning.cluster import Cluster, Sharing, peak_bytes, sharing_of, step_seconds
from veggie_pl.planning.counting import count_step
from veggie_pl.planning.devices import GIB, GPUS, Device, origin
from veggie_pl.planning.predict import is_mixed
from veggie_pl.progress import progress

NEXT = "--next"
BOTH = ("stage1.yaml", "stage2.yaml")  # what is planned where no config is named
ASSUMED = (
    "Each number of GPUs trains on the samples of the config: its steps x batch x accumulated batches x its own "
    "devices. GPUs in a ring send 2 (n - 1) / n bytes for each byte of gradient (ddp), at 80 % of the published link, "
    "hidden behind the backward pass; fsdp gathers weights twice a batch as well. Several GPUs were never measured; "
    "waiting for data, validation and checkpoints are left out. Epochs are samples over the rows of the record tables, "
    "where they are at hand."
)


@dataclass(frozen=True)
class Line:
    """One stage on one number of GPUs.

    Args:
        stage: Name of its config.
        gpus: How many.
        sharing: What they share.
        seconds: Of an optimizer step.
        hours: Of the stage.
        cost: Of the stage, in the unit of the price.
        peak: Bytes of each GPU.
        fits: Whether they are there.
        samples: Of the stage.
        epochs: How often each row is seen on average; None where tables are not at hand.
    """

    stage: str
    gpus: int
    sharing: Sharing
    seconds: float
    hours: float
    cost: float
    peak: float
    fits: bool
    samples: int
    epochs: float | None

    @property
    def gpu_hours(self) -> float:
        """Of all GPUs."""
        return self.hours * self.gpus


def plan_all(args: list[str]) -> None:
    """Print a line for each stage and number of GPUs."""
    configs = [
        PlanCLI(stage, run=False, parser_kwargs={"default_config_files": TRAINING}).config for stage in stages_of(args)
    ]
    first = configs[0]  # what is said of the table is said once
    if first.output is not None:
        refuse_overlap([file for config in configs for file in configs_read(config)], [("plan", first.output)])
        check_place(Path(first.output))
    lines = [line for config in configs for line in lines_of(config, first)]
    console = Console(width=120)
    console.print(table_of(lines, first))
    console.print(f"{ASSUMED} Rates: {origin(first.gpu)}.", highlight=False)
    if first.output is not None:
        answer = [{**asdict(line), "gpu_hours": line.gpu_hours} for line in lines]
        said = {"gpu": first.gpu, "rates": origin(first.gpu), "price": first.price, "stages": answer}
        Path(first.output).write_text(json.dumps(said, indent=2) + "\n")


def stages_of(args: list[str]) -> list[list[str]]:
    """Split arguments at ``--next``; where no config is named, both shipped stages are meant.

    Raises:
        UseError: If nothing follows a ``--next``.
    """
    stages: list[list[str]] = [[]]
    for arg in args:
        if arg == NEXT:
            stages.append([])
        elif arg != "--all":
            stages[-1].append(arg)
    if any(not stage for stage in stages[1:]):
        raise UseError(f"nothing follows {NEXT}: name the configs of the next stage, as for `fit`")
    if len(stages) == 1 and not any(arg.startswith(("--config", "-c")) for arg in stages[0]):
        return [["--config", str(CONF / name), *stages[0]] for name in BOTH]
    return stages


def lines_of(config: Namespace, said: Namespace) -> Iterator[Line]:
    """Count a stage once and price it for each number of GPUs.

    Raises:
        UseError: If a stage has no end.
    """
    device: Device = GPUS[said.gpu]
    name = Path(str(config.config[0])).stem if config.get("config") else "base"
    run = planned(config.trainer, int(config.data.batch_size), count_ranks(config.trainer))
    if run.samples is None:
        raise UseError(f"{name} has no end: set trainer.max_steps")
    with progress() as tell:
        mixed = is_mixed(config, device)
        counted = count_step(config, config.num_frames, config.text_tokens, mixed, device.cuda, tell=tell)
    rows = config.rows or said.rows or rows_of(config)
    sharing = sharing_of(config)
    for gpus in said.gpus:
        cluster = Cluster(gpus, sharing, said.network * 1e9)
        seconds = step_seconds(counted, device, cluster, run.accumulate)
        hours = run.samples / (run.batch_size * run.accumulate * gpus) * seconds / 3600
        peak = peak_bytes(counted, device, cluster)
        cost, epochs = said.price * hours * gpus, run.samples / rows if rows else None
        yield Line(name, gpus, sharing, seconds, hours, cost, peak, peak <= device.memory, run.samples, epochs)


def rows_of(config: Namespace) -> int | None:
    """Count the rows of all record tables of the training streams; None where one is not at hand or is no table."""
    found = 0
    streams = config.data.streams
    for stream in streams.values():
        tables = [init.get("table") for _, init in named_parts(stream) if init.get("table")]
        if len(tables) != 1 or not (info := Path(tables[0], INFO)).is_file():
            return None
        found += TableInfo.model_validate_json(info.read_text()).num_rows
    return found or None


def table_of(lines: list[Line], said: Namespace) -> Table:
    """Draw them."""
    table = Table("stage", title=f"What training takes on {said.gpu}, at {said.price:g} a GPU-hour")
    for name in ("GPUs", "s a step", "samples/s", "hours", "GPU-hours", "cost", "GiB a GPU", "samples", "epochs"):
        table.add_column(name, justify="right")
    for line in lines:
        rate = line.samples / line.hours / 3600
        table.add_row(
            f"{line.stage}, {line.sharing}",
            f"{line.gpus}",
            f"{line.seconds:.3g}",
            f"{rate:,.3g}",
            f"{line.hours:,.1f}",
            f"{line.gpu_hours:,.1f}",
            f"{line.cost:,.0f}",
            f"{line.peak / GIB:.1f}" + ("" if line.fits else ", too much"),
            f"{line.samples:,}",
            "?" if line.epochs is None else f"{line.epochs:.3g}",
        )
    return table
