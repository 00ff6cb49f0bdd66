"""The shipped model beside what needs no video training and what bounds it, on the same clips.

    python -m benchmarks.baselines [--num_test 200]

``frame by frame`` is the shipped stage 1, an image model; ``copy`` returns the source; ``oracle`` sends the exact
answer through the codec and the mask's decoder. The two other bridges (``words``, ``blind``) are in
``docs/ABLATIONS.md``.
Reports that are there under ``runs/baselines`` are not made again. Writes ``docs/BASELINES.md``.
"""

import argparse
import subprocess
import sys

from benchmarks.ablations import ROOT, of_figures, sampling_steps, scoring, table
from veggie_pl.metrics.report import read_report

RUNS = ROOT / "runs/baselines"
METHODS = {
    "veggie": ["--model.folder", "weights/nano/model"],
    "frame by frame": ["--model.folder", "weights/nano/stage1"],
    "copy": ["--model.baseline", "copy"],
    "oracle": ["--model.baseline", "oracle"],
}


def main() -> None:
    """Score what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_test", type=int, default=200, help="clips per skill")
    options = parser.parse_args()
    reports = {}
    for name, args in METHODS.items():
        folder = RUNS / str(options.num_test) / name.replace(" ", "_")
        if not (folder / "report.json").is_file():
            command = [sys.executable, "-m", "veggie_pl", "test", *args, "--evaluate.output", str(folder)]
            subprocess.run([*command, *scoring(options.num_test)], cwd=ROOT, check=True)
        reports[name] = [read_report(folder / "report.json")]
    text = [
        "# Baselines",
        "",
        f"Written by `python -m benchmarks.baselines`; nano size, {options.num_test} clips a skill of the test split.",
        "Mean ± half of the 95 % interval over clips. The rank is over all rows of the reports.",
        of_figures(sampling_steps(ROOT / args[1] for args in METHODS.values() if args[0] == "--model.folder")),
        "",
        *table(reports),
    ]
    (ROOT / "docs/BASELINES.md").write_text("\n".join(text) + "\n")
    print(ROOT / "docs/BASELINES.md")


if __name__ == "__main__":
    main()
