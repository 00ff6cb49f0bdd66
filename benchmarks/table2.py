"""The paper's main table again, under one harness: every method on the same clips, scored by the same code.

    python -m benchmarks.table2 [--num_test 40] [--only vidtome ...] [--jobs 2]

Methods without training stand on the shipped *image* model and are asked what the video model is asked. Each edits the
first examples of every skill (``test --edits.folder``), ``score`` scores the files, and ``docs/BASELINES.md`` shows
the rows with intervals, the average rank by the paper's rule, and the published numbers beside them. What is done is
kept under ``runs/table2`` and not done again. Methods that have to be trained are a table of their own, from reports in
the tree (``benchmarks.table2_trained``), and so is how windows of longer clips meet.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor

from benchmarks.ablations import ROOT, run
from benchmarks.scored_edits import Row, edit_and_score
from benchmarks.table2_page import page
from benchmarks.table2_trained import shipped
from veggie_pl.metrics.report import Report, read_report

RUNS = ROOT / "runs/table2"
IMAGE_MODEL, VIDEO_MODEL = "weights/nano/stage1", "weights/nano/model"
FEW = 10  # clips a skill of what takes long
LONG = 16  # frames of the clips of which windows are joined: two windows of the model and no overlap
EDITED = "[addition,removal,changing,background,visual_feature,stylization]"


def _free(kind: str, *more: str) -> tuple[str, ...]:
    return ("--model.method", f"veggie_pl.methods.{kind}", "--model.method.folder", IMAGE_MODEL, *more)


def _in_steps(kind: str, num_steps: int) -> Row:
    """In more steps than two, of which shares mean more; on fewer clips, for they take long."""
    args = _free(kind, "--model.method.sampling.num_steps", str(num_steps))
    return Row(f"{kind}, {num_steps} steps, first {FEW}", args, bound=True, most=FEW)


def _windowed(kind: str, *more: str) -> tuple[str, ...]:
    return ("--model.method", f"veggie_pl.methods.{kind}", "--model.method.folder", VIDEO_MODEL, *more)


ROWS = {
    "veggie": Row("VEGGIE", ("--model.folder", VIDEO_MODEL)),
    "frames": Row("InstructPix2Pix, frame by frame", _free("FrameByFrame")),
    "one_noise": Row("the same, one noise", _free("FrameByFrame", "--model.method.sampling.same_noise", "true")),
    "vidtome": Row("VidToMe", _free("VidToMe")),
    "tokenflow": Row("TokenFlow", _free("TokenFlow")),
    "flatten": Row("Flatten", _free("Flatten")),
    "tokenflow_8": _in_steps("TokenFlow", 8),
    "flatten_8": _in_steps("Flatten", 8),
    "copy": Row("copy of the source", ("--model.baseline", "copy"), bound=True),
    "oracle": Row("exact answer", ("--model.baseline", "oracle"), bound=True),
}

# Who edits a whole clip has no windows, and is asked at the same frame as who cuts it: the seam should be none.
WINDOWED = {
    "cut": Row("VEGGIE, windows cut", _windowed("InWindows"), joins=(8,)),
    "together": Row(
        "VEGGIE, windows in one run",
        _windowed("InWindows", "--model.method.joining", "together", "--model.method.overlap", "4"),
        joins=(4, 8),
    ),
    "corrected": Row(
        "VEGGIE, InsV2V's correction",
        _windowed("InsV2V", "--model.method.num_steps", "4", "--model.method.share", "1.0"),
        joins=(8, 12),
    ),
    "frames": Row("InstructPix2Pix, frame by frame", _free("FrameByFrame"), joins=(8,)),
    "vidtome": Row("VidToMe", _free("VidToMe"), joins=(8,)),
    "copy": Row("copy of the source", ("--model.baseline", "copy"), bound=True, joins=(8,)),
}


def edit_in_windows(key: str, num_test: int) -> Report:
    """Edit and score longer clips, if that is not done yet."""
    folder, row = RUNS / str(num_test) / "windows" / key, WINDOWED[key]
    if not (folder / "report.json").is_file():
        world = ("--data.test.init_args.num_frames", str(LONG), "--data.test.init_args.skills", EDITED)
        asked = "--data.test.init_args.measures.init_args"
        joins = ("--evaluate.output", str(folder), f"{asked}.joins", f"[{','.join(map(str, row.joins))}]")
        tower = "{class_path: veggie_pl.experts.VisionTower, init_args: {folder: weights/nano/mllm}}"
        aspects = (f"{asked}.aspects", "[answer,consistency,motion,seams]", f"{asked}.features", tower)
        quiet = ("--trainer.logger", "false", "--trainer.enable_progress_bar", "false")
        run("test", *row.args, "--data.num_test", str(num_test), *world, *aspects, *joins, *quiet)
    return read_report(folder / "report.json")


def main() -> None:
    """Do what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_test", type=int, default=40, help="clips per skill")
    parser.add_argument("--only", nargs="+", default=list(ROWS), choices=list(ROWS), help="methods")
    parser.add_argument("--jobs", type=int, default=2, help="methods at a time, one core each")
    parser.add_argument(
        "--long", type=int, default=FEW, help=f"clips per skill of {LONG} frames, in windows; 0 for none"
    )
    options = parser.parse_args()
    rows = {key: ROWS[key] for key in options.only}
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = {
            key: pool.submit(edit_and_score, RUNS / str(options.num_test) / key, row, options.num_test)
            for key, row in rows.items()
        }
        long = {key: pool.submit(edit_in_windows, key, options.long) for key in WINDOWED if options.long}
        reports = {rows[key].name: job.result() for key, job in jobs.items()}
        windowed = {WINDOWED[key].name: job.result() for key, job in long.items()}
    bounds = [row.name for row in (*rows.values(), *WINDOWED.values()) if row.bound]
    text = page(reports, bounds, options.num_test, windowed, shipped())
    if ROWS.keys() <= rows.keys():
        (ROOT / "docs/BASELINES.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
