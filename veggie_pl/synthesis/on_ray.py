"""The same steps on Ray Data, on one machine or a cluster: our store decides what is done, Ray only carries it out."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from veggie_pl.data.workers import limit_threads
from veggie_pl.errors import UseError
from veggie_pl.synthesis.lifter import LAST, Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.steps import KINDS, StepName, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """What an actor of a step holds, and how many there are.

    Args:
        num_gpus: Of an actor; a part of 1 shares one.
        num_cpus: Of an actor.
        batch_size: Items that an actor is handed at a time.
        workers: Actors; None takes ``--workers``.
    """

    num_gpus: float = 0.0
    num_cpus: float = 1.0
    batch_size: int = 8
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.num_gpus < 0 or self.num_cpus < 0 or self.batch_size < 1 or (self.workers or 1) < 1:
            raise UseError(f"resources of a step cannot be {self}")


class Stage:
    """Takes rows of a Ray data set on to the end of a step; one is made in each actor and holds its models.

    Args:
        task: What to do; its paths are seen from all machines.
        until: The step.
    """

    def __init__(self, task: Task, until: StepName) -> None:
        limit_threads()
        self.lifter, self.until = Lifter(task), until

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        """Lift a batch of rows; what has ended is passed on."""
        numbers, ends = [int(number) for number in rows["number"]], [str(end) for end in rows["end"]]
        return {"number": numbers, "end": [end or self._end(n) for n, end in zip(numbers, ends, strict=True)]}

    def _end(self, number: int) -> str:
        outcome = self.lifter.lift(number, self.until)
        return "" if outcome is None else outcome.packed()


def stages(resources: Mapping[str, Resources]) -> list[tuple[StepName, Resources]]:
    """Give the step that each kind of actor goes up to: neighbours with the same resources share actors.

    Args:
        resources: By step; those that are left out take one core.

    Raises:
        UseError: If there is no such step.
    """
    if unknown := [name for name in resources if name not in KINDS]:
        raise UseError(f"resources of {unknown}; the steps are {', '.join(KINDS)}")
    named = [(step, resources.get(step, Resources())) for step in KINDS]
    return [(list(same)[-1][0], what) for what, same in groupby(named, key=lambda one: one[1])]


def lacking(planned: Sequence[tuple[StepName, Resources]], workers: int, gpus: float) -> str:
    """Say which GPUs the actors would wait for; empty where there are enough.

    Args:
        planned: As ``stages`` gives it.
        workers: Actors of stages that name none.
        gpus: Of the cluster.
    """
    wanted = {step: what.num_gpus * (what.workers or workers) for step, what in planned if what.num_gpus}
    if sum(wanted.values()) <= gpus:
        return ""
    told = ", ".join(f"{number:g} for {step}" for step, number in wanted.items())
    return f"actors are to hold {sum(wanted.values()):g} GPUs ({told}), the cluster has {gpus:g}: set --resources"


def lift_on_ray(
    task: Task, lifter: Lifter, numbers: Sequence[int], workers: int, resources: Mapping[str, Resources]
) -> Iterator[Outcome]:
    """Lift rows on the cluster that ``RAY_ADDRESS`` names, or on one that is started on this machine.

    Args:
        task: What to do; table, store and models lie on a disk that all machines see under these names.
        lifter: Of this process, for what is known.
        numbers: Rows.
        workers: Actors of each stage.
        resources: By step.

    Raises:
        UseError: If ``ray[data]`` is not installed, or this machine lacks GPUs that actors are to hold.
    """
    try:
        import ray
    except ImportError as error:
        raise UseError("--engine ray needs Ray; install it beside the project: pip install 'ray[data]'") from error
    rest = []
    for number in numbers:
        if (known := lifter.known(number)) is not None:
            yield known
        else:
            rest.append(number)
    if not rest:
        return
    planned = stages(resources)
    size = min(what.batch_size for _, what in planned)
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    if said := lacking(planned, workers, ray.cluster_resources().get("GPU", 0.0)):
        if not os.environ.get("RAY_ADDRESS"):  # others may grow
            raise UseError(said)
        log.warning("%s, or wait for more", said)
    # Rows that are there already: tasks that make them would wait for a core while the actors hold them all.
    rows = ray.data.from_items(
        [{"number": number, "end": ""} for number in rest], override_num_blocks=max(1, -(-len(rest) // size))
    )
    for step, what in planned:
        rows = rows.map_batches(
            Stage,
            fn_constructor_args=(task, step),
            batch_size=what.batch_size,
            compute=ray.data.ActorPoolStrategy(size=what.workers or workers),
            num_gpus=what.num_gpus or None,
            num_cpus=what.num_cpus,
        )
    for row in rows.iter_rows():
        outcome = Outcome.unpacked(row["end"])
        assert planned[-1][0] == LAST
        yield outcome
