"""The paper's main table again, under one harness: every method on the same clips, scored by the same code.

    python -m benchmarks.table2 [--num_test 40] [--only vidtome ...] [--jobs 2]

Methods without training stand on the shipped *image* model and are asked what the video model is asked. Each edits the
first examples of every skill (``test --edits.folder``), ``score`` scores the files, and ``docs/BASELINES.md`` shows
the rows with intervals, the average rank by the paper's rule, and the published numbers beside them. What is done is
kept under ``runs/table2`` and not done again.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.ablations import ROOT, run
from benchmarks.table2_page import page
from veggie_pl.metrics.report import Report, read_report

RUNS = ROOT / "runs/table2"
IMAGE_MODEL = "weights/nano/stage1"
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
    """

    name: str
    args: tuple[str, ...]
    bound: bool = False


def _free(kind: str, *more: str) -> tuple[str, ...]:
    return ("--model.method", f"veggie_pl.methods.{kind}", "--model.method.folder", IMAGE_MODEL, *more)


ROWS = {
    "veggie": Row("VEGGIE", ("--model.folder", "weights/nano/model")),
    "frames": Row("InstructPix2Pix, frame by frame", _free("FrameByFrame")),
    "one_noise": Row("the same, one noise", _free("FrameByFrame", "--model.method.sampling.same_noise", "true")),
    "vidtome": Row("VidToMe", _free("VidToMe")),
    "tokenflow": Row("TokenFlow", _free("TokenFlow")),
    "flatten": Row("Flatten", _free("Flatten")),
    "copy": Row("copy of the source", ("--model.baseline", "copy"), bound=True),
    "oracle": Row("exact answer", ("--model.baseline", "oracle"), bound=True),
}


def edit_and_score(key: str, num_test: int) -> Report:
    """Edit what is not edited yet, and score it; the seconds of editing are kept beside."""
    folder = RUNS / str(num_test) / key
    row = ROWS[key]
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


def main() -> None:
    """Do what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_test", type=int, default=40, help="clips per skill")
    parser.add_argument("--only", nargs="+", default=list(ROWS), choices=list(ROWS), help="methods")
    parser.add_argument("--jobs", type=int, default=2, help="methods at a time, one core each")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = {key: pool.submit(edit_and_score, key, options.num_test) for key in options.only}
        reports = {key: job.result() for key, job in jobs.items()}
    named = {ROWS[key].name: report for key, report in reports.items()}
    bounds = [row.name for row in ROWS.values() if row.bound]
    text = page(named, bounds, options.num_test)
    if set(options.only) == set(ROWS):
        (ROOT / "docs/BASELINES.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
