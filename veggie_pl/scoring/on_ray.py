"""Scoring on the machines of a Ray cluster: the same steps as in one process, so the same numbers."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.engine import BadExample, Scored
from veggie_pl.scoring.outputs import Output
from veggie_pl.scoring.task import Task

AT_ONCE = 16  # outputs that a worker is handed at a time


class RayScorer:
    """Scores rows of a Ray data set; one is made in each worker.

    Args:
        task: What to score by; the paths in it are seen from all machines.
        outputs: All of them; a row names one by its position.
        device: Of the worker.
    """

    def __init__(self, task: Task, outputs: Sequence[Output], device: str) -> None:
        self.scorer, self.outputs = task.scorer(device), outputs

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        """Score a batch of rows."""
        positions = [int(position) for position in rows["item"]]
        where = {self.outputs[position].unit.key: position for position in positions}
        results = list(self.scorer.score([self.outputs[position] for position in positions]))
        return {"item": [where[one.key] for one in results], "scored": [_packed(one) for one in results]}


def score_on_ray(task: Task, outputs: Sequence[Output], workers: int, device: str) -> Iterator[Scored]:
    """Score outputs on the cluster that ``RAY_ADDRESS`` names, or on one that is started on this machine.

    Ray is only what carries the work out: what is scored is kept in the task's store by content, so that a run that
    was stopped goes on from there whatever Ray remembers.

    Args:
        task: What to score by; bench, outputs and store lie on a disk that all machines see under these names.
        outputs: What is not known yet.
        workers: Processes at a time.
        device: "cpu", or "cuda" for one GPU a worker.

    Raises:
        UseError: If ``ray[data]`` is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise UseError("--ray needs Ray; install it beside the project: pip install 'ray[data]'") from error
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    # Rows that are there already: tasks that make them would wait for a core while the workers hold them all.
    num_blocks = max(1, -(-len(outputs) // AT_ONCE))
    rows = ray.data.from_items([{"item": item} for item in range(len(outputs))], override_num_blocks=num_blocks)
    scored = rows.map_batches(
        RayScorer,
        fn_constructor_args=(task, list(outputs), device),
        batch_size=AT_ONCE,
        concurrency=workers,
        num_gpus=0 if device == "cpu" else 1,
    )
    for row in scored.iter_rows():
        yield _unpacked(row["scored"], outputs[int(row["item"])])


def _packed(result: Scored) -> str:
    if isinstance(result, BadExample):
        return json.dumps({"bad": result.reason})
    fields = asdict(result)
    fields["values"] = {name: None if math.isnan(value) else value for name, value in result.values.items()}
    return json.dumps(fields)


def _unpacked(text: str, output: Output) -> Scored:
    fields = json.loads(text)
    if "bad" in fields:
        return BadExample(output, fields["bad"])
    fields["values"] = {name: math.nan if value is None else value for name, value in fields["values"].items()}
    return SampleScore(**{**fields, "skill": Skill(fields["skill"])})
