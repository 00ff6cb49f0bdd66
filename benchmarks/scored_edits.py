"""Let a method edit the first clips of every skill, and score the files it left."""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ablations import run
from veggie_pl.metrics.report import Report, read_report

EXPERTS = """\
detector: {class_path: veggie_pl.experts.ShapeDetector}
features: {class_path: veggie_pl.experts.VisionTower, init_args: {folder: weights/nano/mllm}}
"""


@dataclass(frozen=True)
class Row:
    """A method of the table.

    Args:
        name: As the table calls it.
        args: Of ``test``.
        bound: It shows what a number is worth, and is not ranked.
        most: Clips a skill, at most; who is shown on fewer clips than others is not ranked.
        joins: Of clips that are edited in windows: first frames of later windows.
    """

    name: str
    args: tuple[str, ...]
    bound: bool = False
    most: int = 10**9
    joins: tuple[int, ...] = ()


def edit_and_score(folder: Path, row: Row, num_test: int) -> Report:
    """Edit what is not edited yet, and score it; the seconds of editing are kept beside.

    Args:
        folder: Where all of it lies.
        row: The method.
        num_test: Clips a skill.
    """
    num_test = min(num_test, row.most)
    if not (folder / "seconds").is_file():
        started = time.monotonic()
        quiet = ("--trainer.logger", "false", "--trainer.enable_progress_bar", "false")
        few = ("--data.num_test", str(num_test), "--evaluate.output", str(folder / "test"))
        run("test", *row.args, *few, *quiet, "--edits.folder", str(folder / "edits"), "--edits.kind", "png")
        (folder / "seconds").write_text(f"{time.monotonic() - started:.0f}\n")
    if not (folder / "score/report.json").is_file():
        experts = folder / "experts.yaml"
        experts.write_text(EXPERTS)
        asked = ("--bench", "shapes", "--per_skill", str(num_test), "--method", row.name, "--experts", str(experts))
        run("score", *asked, "--outputs", str(folder / "edits"), "-o", str(folder / "score"), "--store", "")
    return read_report(folder / "score/report.json")
