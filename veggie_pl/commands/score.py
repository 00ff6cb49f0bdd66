"""``score``: the outputs of any method, scored on a bench."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

from veggie_pl.commands.options import score_options
from veggie_pl.errors import UseError
from veggie_pl.metrics.edited_files import EditFolder, Naming
from veggie_pl.metrics.report import read_report
from veggie_pl.outputs import OutputError, check_folder
from veggie_pl.progress import progress
from veggie_pl.scoring.engine import Scored
from veggie_pl.scoring.expected import expected_of
from veggie_pl.scoring.measuring import experts_of
from veggie_pl.scoring.on_ray import score_on_ray
from veggie_pl.scoring.outputs import Output, findings, look
from veggie_pl.scoring.publish import publish
from veggie_pl.scoring.ranking import named
from veggie_pl.scoring.ratings import read_ratings
from veggie_pl.scoring.run import score_outputs
from veggie_pl.scoring.summary import make_report
from veggie_pl.scoring.task import Task

log = logging.getLogger(__name__)
RUNS = Path("runs/score")


def score_method(args: list[str]) -> None:
    """Look at the outputs, score them, and write ``report.json``, ``report.md`` and ``report.html``.

    Raises:
        UseError: If an option cannot be used, or no output is there.
    """
    options = score_options().parse_args(args)
    task = _task(options)
    method = options.method or Path(options.outputs).resolve().name
    folder = _new_folder(options.output, method)
    others = [read_report(Path(name)) for name in options.against]
    human = None if options.human is None else Path(options.human)
    if human is not None and not human.is_file():
        raise UseError(f"--human {human}: there is no such file")
    devices = _devices(options.device, options.devices)
    card = task.card()
    edits = EditFolder(options.outputs, _naming(options.naming or card.naming))
    benchmark = task.benchmark()
    streams = benchmark.streams()
    console = Console(width=140)
    with progress() as tell:
        units = task.units(benchmark)
        expected, headers = expected_of(streams), task.headers()
        found = look(units, edits, expected, lambda done: tell("looking", done, len(units)), headers)
        extra = edits.others([one.path for one in found if one.path is not None])
        console.print(findings(found, extra, edits.folder).console())
        if human is not None:  # what cannot be used of it is said before anything long starts
            keys = {name: [one.key for one in own.samples] for name, own in named(others).items()}
            read_ratings(human, {**keys, method: [unit.key for unit in units]})
        scorer = task.scorer(devices[0], benchmark)
        try:
            results = _score(task, scorer, found, devices, options.ray, lambda done: tell("scoring", done, len(found)))
        except KeyboardInterrupt:
            log.info("stopped; what was scored is kept in %s: the same command goes on from there", options.store)
            raise
    report = make_report(method, card.name, results, scorer.measures, experts_of(scorer.measures), options.seed)
    publish(report, others, human, streams, edits.folder, folder, console, options.seed)
    log.info("%s: open it in a browser; report.json and report.md lie beside it", folder / "report.html")


def _score(task: Task, scorer: Any, found: Sequence[Output], devices: list[str], ray: bool, tell: Any) -> list[Scored]:
    if not ray:
        return score_outputs(task, scorer, found, devices, tell)
    known = {one.unit.key: own for one in found if (own := scorer.known(one)) is not None}
    rest = [one for one in found if one.unit.key not in known]
    results: dict[str, Scored] = dict(known)
    if rest:
        for one in score_on_ray(task, rest, len(devices), "cpu" if devices[0] == "cpu" else "cuda"):
            results[one.key] = one
            tell(len(results))
    return [results[one.unit.key] for one in found]


def _task(options: Any) -> Task:
    for name in ("per_skill", "batch_size", "devices"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UseError(f"--{name} must be at least 1, got {value}")
    return Task(
        bench=options.bench,
        prepared=options.prepared,
        root=options.root,
        experts=tuple(options.experts),
        per_skill=options.per_skill,
        batch_size=options.batch_size,
        store=options.store or None,
    )


def _naming(name: str) -> Naming:
    for one in get_args(Naming):
        if name == one:
            return one  # type: ignore[no-any-return]
    raise UseError(f"--naming {name!r}; the choices are {', '.join(get_args(Naming))}")


def _new_folder(given: str | None, method: str) -> Path:
    """Choose a folder that holds no report yet: nothing is written over.

    Raises:
        OutputError: If the one that is named holds a report, or cannot be written to.
    """
    if given is None:
        plain = (
            "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in method).strip(".") or "method"
        )
        number = 0
        while (folder := RUNS / plain / f"version_{number}").exists():
            number += 1
    else:
        folder = Path(given)
        if (folder / "report.json").exists():
            raise OutputError(f"{folder} holds a report already; name another folder, or none")
    check_folder(folder)
    return folder


def _devices(device: str, number: int) -> list[str]:
    if device not in ("auto", "cpu", "cuda"):
        raise UseError(f"--device {device!r}; the choices are auto, cpu, cuda")
    gpus = torch.cuda.device_count()
    if device == "cuda" and not gpus:
        raise UseError("--device cuda, but there is no GPU that torch can use here")
    if device == "cpu" or not gpus:
        return ["cpu"] * number
    if number > gpus:
        raise UseError(f"--devices {number}, but there are {gpus} GPUs here")
    return [f"cuda:{index}" for index in range(number)]
