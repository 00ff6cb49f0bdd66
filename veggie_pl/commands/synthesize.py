"""``synthesize``: a table of image-edit pairs becomes a data set of video-edit pairs."""

import logging
from pathlib import Path
from typing import Any, get_args

from jsonargparse import Namespace
from rich.console import Console

from veggie_pl.commands.synthesize_options import synthesize_options
from veggie_pl.errors import UseError
from veggie_pl.progress import progress
from veggie_pl.synthesis.dry_run import estimate
from veggie_pl.synthesis.on_ray import Resources
from veggie_pl.synthesis.publish.rows import Direction
from veggie_pl.synthesis.steps import KINDS, Task
from veggie_pl.synthesis.stills import Moved
from veggie_pl.synthesis.synthesize import Engine, Run, synthesize

log = logging.getLogger(__name__)


def synthesize_table(args: list[str]) -> None:
    """Lift a table, or tell what that will take.

    Raises:
        UseError: If a setting cannot be used, too many items fail, or no pair is kept.
    """
    parser = synthesize_options({str(step): kind for step, kind in KINDS.items()}, Resources)
    config = parser.parse_args(args)
    for name, kind in (("engine", Engine), ("moved", Moved)):
        _check(name, config[name], kind)
    for direction in config.directions:
        _check("directions", direction, Direction)
    if config.size is not None and min(config.size) < 1:
        raise UseError(f"--size must be at least 1 pixel, got {list(config.size)}")
    task = Task(
        table=config.table,
        steps={step: _plain(config[step]) for step in KINDS},
        store=config.store,
        root=config.root,
        size=config.size,
        moved=config.moved,
        seed=config.seed,
        lossless=config.lossless,
    )
    run = Run(
        output=Path(config.output),
        engine=config.engine,
        workers=config.workers,
        limit=config.limit,
        max_failed=config.max_failed,
        directions=tuple(config.directions),
        resources={step: Resources(**vars(held)) for step, held in config.resources.items()},
        shard_bytes=config.shard_bytes,
    )
    with progress() as tell:
        if config.dry_run:
            Console(width=120).print(estimate(task, run, tell).grid().console())
            return
        info = synthesize(task, run, tell)
    counts = ", ".join(f"{count} {skill}" for skill, count in info.counts.items())
    log.info("%s: %d examples (%s), %d left out", run.output, info.num_rows, counts, info.report["skipped"])
    log.info("%s: open it in a browser", run.output / "report.html")
    log.info("train on it: python -m veggie_pl fit --config conf/stage2.yaml --config %s", run.output / "fit.yaml")


def _check(name: str, value: str, kind: Any) -> None:
    if value not in get_args(kind):
        raise UseError(f"--{name} {value!r}; the choices are {', '.join(get_args(kind))}")


def _plain(words: Any) -> Any:
    """Class path and arguments as plain JSON, which travels to other processes."""
    if isinstance(words, Namespace):
        words = vars(words)
    if isinstance(words, dict):
        return {str(name): _plain(value) for name, value in words.items()}
    if isinstance(words, list | tuple | set):
        return [_plain(value) for value in words]
    return words if words is None or isinstance(words, str | int | float | bool) else str(words)
