"""What a run will see, before it starts: proportions, samples and epochs of every group of the mixture."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from veggie_pl.data.mixture import Mixture
from veggie_pl.data.table.buckets import Bucket
from veggie_pl.errors import UseError

UPSAMPLED = "^"
FAR_LARGER = 4  # times the pixels a model is made for; attention over space takes the square of that


@dataclass(frozen=True)
class Run:
    """How much a run reads.

    Args:
        batches: Batches of one rank; None: without end.
        batch_size: Samples of a batch.
        ranks: Processes that train together.
        steps: Optimizer steps, for people.
        accumulate: Batches of a step.
    """

    batches: int | None
    batch_size: int
    ranks: int = 1
    steps: int = 0
    accumulate: int = 1

    @property
    def samples(self) -> int | None:
        """Of all ranks together."""
        return None if self.batches is None else self.batches * self.batch_size * self.ranks


def planned(settings: Any, batch_size: int, ranks: int) -> Run:
    """The run that a trainer, or the ``trainer:`` block of a config, is set up for."""
    accumulate = settings.accumulate_grad_batches
    steps, epochs, limit = settings.max_steps, settings.max_epochs, settings.limit_train_batches
    limits = [] if steps in (-1, None) else [steps * accumulate]
    if epochs not in (-1, None) and isinstance(limit, int):
        limits.append(epochs * limit)
    if not limits:
        return Run(None, batch_size, ranks, 0, accumulate)
    return Run(min(limits), batch_size, ranks, -(-min(limits) // accumulate), accumulate)


@dataclass(frozen=True)
class Portion:
    """What a run reads of a group, or of a stream, or in all."""

    stream: str
    skill: str
    bucket: str
    rows: int
    weight: float
    proportion: float  # of the samples of a long run, in [0, 1]
    samples: int | None  # of this run, exact; None: it has no end

    @property
    def epochs(self) -> float | None:
        """How often each row is seen."""
        return None if self.samples is None else self.samples / self.rows


def portions(mixture: Mixture, samples: int | None) -> list[Portion]:
    """Give one for each group, in the order of the streams."""
    counts = [None] * len(mixture.groups) if samples is None else mixture.counts(samples).tolist()
    found = [
        Portion(group.stream, group.skill, group.bucket, group.length, group.weight, float(proportion), count)
        for group, proportion, count in zip(mixture.groups, mixture.proportions(), counts, strict=True)
    ]
    names = list(mixture.streams)
    return sorted(found, key=lambda one: (names.index(one.stream), one.skill, one.bucket))


def together(parts: list[Portion], name: str) -> Portion:
    """Several groups as one."""
    counts = [one.samples for one in parts if one.samples is not None]
    total = sum(counts) if len(counts) == len(parts) else None
    rows, weight, proportion = (sum(getattr(one, what) for one in parts) for what in ("rows", "weight", "proportion"))
    buckets = {one.bucket for one in parts}
    return Portion(name, "", buckets.pop() if len(buckets) == 1 else "", rows, weight, proportion, total)


def by_stream(mixture: Mixture, samples: int | None) -> dict[str, list[Portion]]:
    """The groups of each stream."""
    streams: dict[str, list[Portion]] = {name: [] for name in mixture.streams}
    for one in portions(mixture, samples):
        streams[one.stream].append(one)
    return streams


def summary(mixture: Mixture, run: Run) -> str:
    """One line for a log."""
    parts = []
    for name, groups in by_stream(mixture, run.samples).items():
        one = together(groups, name)
        epochs = "" if one.epochs is None else f", {_epochs(one)} epochs"
        parts.append(f"{name} {100 * one.proportion:.1f} % ({_count(len(groups), 'group')}{epochs})")
    size = "samples without end" if run.samples is None else f"{run.samples:,} samples"
    return f"mixture, {size}: " + "; ".join(parts)


def far_larger(mixture: Mixture, size: tuple[int, int]) -> list[str]:
    """Say of each stream whose clips are far larger than a model is made for what that costs, and what to set.

    Args:
        mixture: What a run is fed.
        size: Height and width in pixels that the model is made for.
    """
    said: dict[str, str] = {}
    for group in mixture.groups:
        try:
            shape = Bucket.parse(group.bucket)
        except UseError:  # of no one shape
            continue
        times = shape.height * shape.width / (size[0] * size[1])
        if times > FAR_LARGER:
            small = size[0] if size[0] == size[1] else [*size]
            said[group.stream] = (
                f"{group.stream}: clips of {shape.height} x {shape.width} for a model that is made for {size[0]} x "
                f"{size[1]} take {times:.0f} times the memory and more, and a run without it is killed; to read them "
                f"smaller: --data.streams.{group.stream}.stream.init_args.records.init_args.size {small}"
            )
    return [*said.values()]


def report_table(mixture: Mixture, run: Run) -> Table:
    """Every stream, its groups where it has several, and the total."""
    table = Table("stream", "skill", "shape", title="What the model is fed")
    for name in ("rows", "weight", "share, %", "samples", "epochs"):
        table.add_column(name, justify="right")
    streams = by_stream(mixture, run.samples)
    for name, groups in streams.items():
        table.add_row(*_cells(together(groups, name)))
        for one in groups if groups[0].skill else []:
            table.add_row("", *_cells(one)[1:], style="dim")
    table.add_section()
    total = together([one for groups in streams.values() for one in groups], "total")
    table.add_row(*_cells(total)[:-1], "")
    return table


def explanation(mixture: Mixture, run: Run) -> str:
    """The table in words."""
    ranks, batches = _count(run.ranks, "rank"), _count(run.accumulate, "batch")
    size = f"{_count(run.batch_size, 'sample')} a batch x {ranks} x {batches} a step"
    said = [
        f"{run.steps:,} steps x {size} = {run.samples:,} samples." if run.batches is not None else f"{size}, no end."
    ]
    said.append(
        "The share of a stream is its weight over the sum of all weights; within a stream it goes to the skills by "
        "their weights, or else by rows, and within a skill to the shapes by rows. In one epoch of a group every row "
        f"comes once, in an order of its own; {UPSAMPLED} marks what is upsampled: each row comes more than once in "
        "this run."
    )
    if len(mixture.buckets) > 1:
        said.append(
            f"A batch has one shape: {len(mixture.buckets)} shapes take turns in blocks of {mixture.block} samples, on "
            "all ranks at once."
        )
    return " ".join(said)


def _cells(one: Portion) -> list[str]:
    samples = "" if one.samples is None else f"{one.samples:,}"
    numbers = [f"{one.rows:,}", f"{one.weight:.4g}", f"{100 * one.proportion:.2f}", samples, _epochs(one)]
    return [one.stream, one.skill, one.bucket, *numbers]


def _epochs(one: Portion) -> str:
    if one.epochs is None:
        return ""
    number = f"{one.epochs:,.2f}" if one.epochs >= 0.01 or not one.epochs else "< 0.01"
    return number + (UPSAMPLED if one.epochs > 1 else "")


def _count(number: int, what: str) -> str:
    plural = "" if number == 1 else "es" if what.endswith("ch") else "s"
    return f"{number:,} {what}{plural}"
