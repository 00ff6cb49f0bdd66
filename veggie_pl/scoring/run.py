"""Scoring in this process or in several, each on a device of its own: the same steps, the same numbers."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

import torch

from veggie_pl.scoring.engine import Scored, Scorer
from veggie_pl.scoring.outputs import Output
from veggie_pl.scoring.task import Task

PIECE = 64  # outputs that a process is handed at a time
Tell = Callable[[int], None]


def score_outputs(
    task: Task, scorer: Scorer, outputs: Sequence[Output], devices: Sequence[str], tell: Tell
) -> list[Scored]:
    """Score outputs, those that are known without any other process.

    Args:
        task: What to score by.
        scorer: Of this process, made of the task.
        outputs: As ``outputs.look`` found them.
        devices: One process each; a single one works in this process.
        tell: Hears how many are done.

    Returns:
        One result for each output, in their order.
    """
    found: dict[str, Scored] = {}
    rest = []
    for output in outputs:
        known = scorer.known(output)
        if known is None:
            rest.append(output)
        else:
            found[output.unit.key] = known
    tell(len(found))
    results = scorer.score(rest) if len(devices) == 1 or len(rest) <= 1 else _in_processes(task, rest, devices)
    for result in results:
        found[result.key] = result
        tell(len(found))
    return [found[output.unit.key] for output in outputs]


def _in_processes(task: Task, outputs: Sequence[Output], devices: Sequence[str]) -> Iterator[Scored]:
    context = multiprocessing.get_context("spawn")  # CUDA cannot be used after a fork
    queue = context.SimpleQueue()
    for device in devices:
        queue.put(device)
    threads = max(1, torch.get_num_threads() // sum(device == "cpu" for device in devices)) if "cpu" in devices else 1
    pieces = [outputs[start : start + PIECE] for start in range(0, len(outputs), PIECE)]
    with ProcessPoolExecutor(len(devices), context, _begin, (task, queue, threads)) as pool:
        futures: list[Future[list[Scored]]] = [pool.submit(_score_piece, piece) for piece in pieces]
        try:
            for future in as_completed(futures):
                yield from future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_own: dict[str, Scorer] = {}  # of a process that works for another one


def _begin(task: Task, queue: "multiprocessing.SimpleQueue[str]", threads: int) -> None:
    torch.set_num_threads(threads)
    _own["scorer"] = task.scorer(queue.get())


def _score_piece(outputs: Sequence[Output]) -> list[Scored]:
    return list(_own["scorer"].score(outputs))
