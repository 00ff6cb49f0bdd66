"""A whole run: lift every row, then write the data set and its report."""

import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from veggie_pl.data.table.shards import TableInfo
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.files import whole_folder
from veggie_pl.metrics.report import library_versions
from veggie_pl.outputs import check_folder, refuse_inside
from veggie_pl.synthesis.budget import Budget, SynthesisError, reasons
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.on_ray import Resources, lift_on_ray
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.publish import Plan, publish
from veggie_pl.synthesis.publish.data_set import SHARD_BYTES
from veggie_pl.synthesis.publish.rows import Direction
from veggie_pl.synthesis.report import summarize, write_report
from veggie_pl.synthesis.run import lift_here, lift_in_processes
from veggie_pl.synthesis.steps import Task
from veggie_pl.synthesis.store import StoreError, is_full

log = logging.getLogger(__name__)
Engine = Literal["process", "ray"]
Tell = Callable[[str, float, float | None], None]
MARK = "provenance.json"  # what tells a data set of ours from other folders
_ALSO = ("opencv-python", "av", "numpy")  # beside the libraries that every report names


@dataclass(frozen=True)
class Run:
    """How a task is carried out, and what becomes of it.

    Args:
        output: Folder of the data set; its last part names it.
        engine: Processes of our own, or Ray Data.
        workers: Processes; 1 works in this one.
        limit: The first so many rows; None takes all.
        max_failed: Share of the items that may fail.
        directions: Ways in which pairs are read.
        resources: Ray: what each step holds.
        shard_bytes: Of a tar, before the next one is begun.
    """

    output: Path
    engine: Engine = "process"
    workers: int = 1
    limit: int | None = None
    max_failed: float = 0.1
    directions: tuple[Direction, ...] = ("forward",)
    resources: Mapping[str, Resources] = field(default_factory=dict)
    shard_bytes: int = SHARD_BYTES

    def __post_init__(self) -> None:
        for name in ("workers", "limit", "shard_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UseError(f"--{name} must be at least 1, got {value}")
        if not self.directions or len(set(self.directions)) < len(self.directions):
            raise UseError(f"directions are forward, reversed or both, got {list(self.directions)}")

    @property
    def name(self) -> str:
        """Of the data set: small letters, digits and underscores."""
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in self.output.name.lower())
        return plain if plain[:1].isalpha() else f"d_{plain}".rstrip("_")

    @property
    def failures(self) -> Path:
        """Where failed items are listed while there is no data set."""
        return self.output.with_name(f"{self.output.name}.failed.jsonl")


def synthesize(task: Task, run: Run, tell: Tell) -> TableInfo:
    """Lift a table and write ``run.output``, whole or not at all; what is in the store is not made again.

    Args:
        task: What to do.
        run: How.
        tell: Hears how far it is.

    Raises:
        UseError: If table, store, output or a step cannot be used, too many items fail, or no pair is kept.
    """
    check_output(task, run)
    lifter = Lifter(task)
    numbers = lifter.stills.numbers[: run.limit]
    if not numbers:
        raise SynthesisError(f"{task.table} has no row to begin with")
    run.output.parent.mkdir(parents=True, exist_ok=True)  # what failed is listed there before there is a data set
    started = time.perf_counter()
    try:
        outcomes = lift_all(task, run, lifter, numbers, tell)
    except KeyboardInterrupt:
        log.info("stopped; what is done is kept in %s: the same command goes on from there", task.store)
        raise
    wall = time.perf_counter() - started
    summary = summarize(outcomes, lifter.steps.assess, wall, run.workers)
    kept = [one for one in outcomes if one.state == "kept"]
    if not kept:
        page = run.output.with_name(f"{run.output.name}.report.html")
        write_report(page, run.name, summary, outcomes, lifter)
        raise SynthesisError(
            f"no pair is kept of {len(outcomes)}: {reasons(outcomes)}; all of them: {run.failures}, {page}"
        )
    plan = Plan(run.name, run.output, run.directions, facts_of(task, run, lifter), run.shard_bytes)
    try:
        with whole_folder(run.output) as building:
            written = _told(tell, "writing", len(kept))
            info = publish(plan, building, outcomes, lifter.stills, lifter.store, written)
            write_report(building / "report.html", run.name, summary, outcomes, lifter, building / "tensorboard")
    except OSError as error:
        if not is_full(error):
            raise
        raise StoreError(f"no space left to write {run.output}: make room and run the same command again") from error
    run.failures.unlink(missing_ok=True)
    return info


def lift_all(task: Task, run: Run, lifter: Lifter, numbers: Sequence[int], tell: Tell) -> list[Outcome]:
    """Lift rows, and give what became of each, in the order of rows.

    Raises:
        SynthesisError: If too many fail; those are listed in ``run.failures``.
    """
    budget = Budget(len(numbers), run.max_failed, run.failures)
    found: dict[int, Outcome] = {}
    told = _told(tell, "lifting", len(numbers))
    try:
        for outcome in _lifted(task, run, lifter, numbers):
            found[outcome.number] = outcome
            told(len(found))
            budget.add(outcome)
    finally:
        budget.write()
    return [found[number] for number in numbers]


def check_output(task: Task, run: Run) -> None:
    """Look whether the data set may be put where it is to go: in place of an older one, and of nothing else.

    Raises:
        UseError: If not.
    """
    folder = run.output
    check_folder(folder.parent)
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or in_order(folder)):
        raise SynthesisError(f"{folder} is there and holds something else; name another --output")
    refuse_inside([("table", task.table), ("store", task.store)], folder)


def facts_of(task: Task, run: Run, lifter: Lifter) -> dict[str, Any]:
    """Give all that the data set was made from, as plain JSON."""
    info = lifter.stills.records.table.info
    steps = {step: {**words, "digest": lifter.steps.digests[step]} for step, words in task.steps.items()}  # type: ignore[index]
    return {
        "source": {
            "card": info.card,
            "split": info.split,
            "table": task.table,
            "content": info.content,
            "licence": info.licence,
        },
        "steps": steps,
        "settings": {
            "size": task.size,
            "moved": task.moved,
            "seed": task.seed,
            "lossless": task.lossless,
            "directions": [*run.directions],
            "limit": run.limit,
        },
        "versions": library_versions() | {name: version for name in _ALSO if (version := _version(name))},
    }


def _lifted(task: Task, run: Run, lifter: Lifter, numbers: Sequence[int]) -> Iterator[Outcome]:
    if run.engine == "ray":
        return lift_on_ray(task, lifter, numbers, run.workers, run.resources)
    if run.workers > 1:
        return lift_in_processes(task, lifter, numbers, run.workers)
    return lift_here(lifter, numbers)


def _told(tell: Tell, what: str, total: int) -> Callable[[int], None]:
    return lambda done: tell(what, done, total)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
