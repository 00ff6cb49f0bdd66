"""Which parts of the method matter? Train and score each variant of ``conf/ablation`` at equal compute.

    python -m benchmarks.ablations [--variants full no_video ...] [--seeds 0 1 2] [--num_test 100] [--jobs 2] [--graphs]

A variant is a folder with ``stage1.yaml``, ``stage2.yaml`` or both, read on top of the stage and ``pico.yaml``; those
that differ in stage 2 only share the stage 1 of ``full``. What is done is kept under ``runs/ablation`` and not done
again. Writes ``docs/ABLATIONS.md``: mean over seeds and clips, 95 % interval over clips, per skill, with the
baselines that need no training and the average rank; and what each variant gains on ``full``, clips and seeds paired.
Those of ``SEEING`` are tested once more on requests that cannot be understood without seeing the video.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.paired import paired_table
from veggie_pl.batch import Skill
from veggie_pl.data.shapes.naming import SEEN_SKILLS
from veggie_pl.metrics.report import Report, read_report
from veggie_pl.metrics.tables import average_rank
from veggie_pl.model_folder import read_index

ROOT = Path(__file__).resolve().parent.parent
CONF, RUNS = ROOT / "conf/ablation", ROOT / "runs/ablation"
BASELINES = ("copy", "oracle")
STAGES = ("stage1", "stage2")
GRAPHED = "--trainer.callbacks+=veggie_pl.callbacks.CudaGraphs"
FROM_FULL = ("frozen_mllm", "lora")  # differ in stage 2 only: they go on from the stage 1 of full
READ_AFTER = {"seen_blind": "seen"}  # whose configs come before its own
UNGRAPHED = ("words",)  # reads values of the device while it runs
BLINDED = {"blind": "full", "seen_blind": "seen"}  # what they lose where targets are named only by what is seen
SEEING = (*BLINDED.values(), *BLINDED)
COLUMNS = {skill: "miou" if skill.is_painted else "success" for skill in Skill}


def run(*args: str) -> None:
    """One command in a process and on a core of its own; its output is kept where it writes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "veggie_pl", *args]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(" ".join(command) + ": " + done.stderr[-2000:])


def plan(variant: str) -> list[tuple[str, str]]:
    """The stages of a variant as (whose, stage), in order."""
    own = [(variant, stage) for stage in STAGES if (CONF / variant / f"{stage}.yaml").is_file()]
    return [("full", "stage1"), *own] if variant in FROM_FULL else own


def configs(variant: str, stage: str) -> list[Path]:
    """What a stage of a variant reads, in order, after the defaults."""
    own = [name for name in (READ_AFTER.get(variant), variant) if name]
    return [ROOT / f"conf/{stage}.yaml", CONF / "pico.yaml", *(CONF / name / f"{stage}.yaml" for name in own)]


def train(variant: str, stage: str, seed: int, before: Path | None, graphs: bool = False) -> Path:
    """One stage of a variant, if it is not there yet; returns the model folder. ``graphs``: stage 1 as CUDA graphs."""
    place = RUNS / variant / str(seed) / stage
    if not (place / "model").is_dir():
        args = [part for path in configs(variant, stage) for part in ("--config", str(path))]
        args += ["--trainer.default_root_dir", str(place), "--seed_everything", str(seed)]
        args += ["--model.seed", str(seed), "--data.seed", str(seed)]
        args += ["--init_from.folders", f"[{before}]"] if before else []
        args += [GRAPHED] if graphs and stage == STAGES[0] and variant not in UNGRAPHED else []
        run("fit", *args)
    return place / "model"


def train_and_score(variant: str, seed: int, num_test: int, graphs: bool = False) -> Path:
    """The stages of a variant, then the test; returns the report."""
    folder = RUNS / variant / str(seed)
    model: Path | None = None
    for whose, stage in plan(variant):
        model = train(whose, stage, seed, model, graphs)
    if not (folder / "report.json").is_file():
        run("test", "--model.folder", str(model), "--evaluate.output", str(folder), *scoring(num_test))
    if variant in SEEING and not (seen := seen_report(folder)).is_file():
        naming = ("--data.test.init_args.naming", "seen", "--evaluate.output", str(seen.parent))
        run("test", "--model.folder", str(model), *naming, *scoring(num_test))
    return folder / "report.json"


def seen_report(folder: Path) -> Path:
    """Where the scores on targets lie that are named only by what is seen."""
    return folder / "seen" / "report.json"


def score_baseline(name: str, num_test: int) -> Path:
    """The report of a method that is not trained."""
    folder = RUNS / name
    if not (folder / "report.json").is_file():
        run("test", "--model.baseline", name, "--evaluate.output", str(folder), *scoring(num_test))
    return folder / "report.json"


def scoring(num_test: int) -> list[str]:
    return ["--data.num_test", str(num_test), "--trainer.logger", "false", "--trainer.enable_progress_bar", "false"]


def cell(reports: list[Report], skill: Skill) -> str:
    """Mean over seeds, and half the width of the interval over clips and seeds together."""
    rows = [row for report in reports for row in report.results if row.row == (skill, COLUMNS[skill])]
    values = np.array([row.value for row in rows])
    within = np.mean([((row.high - row.low) / 2) ** 2 for row in rows]) / len(rows)
    between = 1.96**2 * values.var(ddof=1) / len(rows) if len(rows) > 1 else 0.0
    return f"{values.mean():.0f} ± {np.sqrt(within + between):.0f}"


def table(reports: dict[str, list[Report]]) -> list[str]:
    """Markdown: one row per variant, its rank among those that are trained."""
    ranks = average_rank({name: found[0] for name, found in reports.items() if name not in BASELINES})
    head, rule, *rows = values_table(reports, COLUMNS)
    last = [f" {ranks[name]:.2f} |" if name in ranks else " - |" for name in reports]
    return [head + " average rank |", rule + "---|", *(row + rank for row, rank in zip(rows, last, strict=True))]


def values_table(reports: dict[str, list[Report]], columns: Mapping[Skill, str]) -> list[str]:
    """Markdown: one row per variant, one column per skill."""
    head = ["variant", *(f"{skill.title} ({measure} %)" for skill, measure in columns.items())]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, found in reports.items():
        lines.append(f"| {name} | " + " | ".join(cell(found, skill) for skill in columns) + " |")
    return lines


def of_figures(steps: Collection[int]) -> str:
    """The sentence that stands at a table: what its intervals are, and how it was sampled."""
    many = " or ".join(map(str, sorted(steps)))
    return f"Intervals are Wilson's for success and Gaffke's for mIoU; edits are sampled in {many} steps."


def sampling_steps(folders: Iterable[Path]) -> set[int]:
    """Sampling steps of some model folders."""
    return {int(read_index(folder)["num_steps"]) for folder in folders}


def page(
    reports: dict[str, list[Report]],
    seeds: list[int],
    num_test: int,
    steps: Collection[int],
    seen: dict[str, list[Report]] | None = None,
) -> str:
    """What ``docs/ABLATIONS.md`` says."""
    text = [
        "# Ablations",
        "",
        f"Written by `make ablations`; pico size, seeds {seeds}, {num_test} clips a skill of the test split.",
        "Mean ± half of the 95 % interval over clips and seeds. The rank is over all rows of the first seed's reports.",
        of_figures(steps),
        "What follows from it: docs/NANO.md.",
        "",
        *table(reports),
        *against_full({name: found for name, found in reports.items() if name not in BASELINES}),
        *where_seen(seen or {}),
    ]
    return "\n".join(text) + "\n"


def against_full(reports: dict[str, list[Report]]) -> list[str]:
    """What each variant gains on ``full``; nothing where that was not run."""
    if "full" not in reports or len(reports) < 2:
        return []
    cells = (len(reports) - 1) * len(COLUMNS)
    return [
        "",
        "What each variant gains on `full` in the same measures, the same clips and seeds held against each other,",
        "with 95 % intervals over new clips and new seeds (pigeonhole bootstrap). Bold: the interval leaves out zero,",
        f"which by chance alone about one of twenty does, {cells / 20:.0f} of these {cells}.",
        "",
        *paired_table(reports, "full", COLUMNS),
    ]


def where_seen(reports: dict[str, list[Report]]) -> list[str]:
    """The same where the target is named only by what is seen; nothing where that was not asked."""
    if not reports:
        return []
    columns = {skill: COLUMNS[skill] for skill in SEEN_SKILLS}
    lines = [
        "",
        "Where the target is named only by what is seen, such as the thing that moves or the one below another",
        "(`--data.test.init_args.naming seen`; of these `seen` and `seen_blind` alone were trained so), as many clips",
        "a skill:",
        "",
        *values_table(reports, columns),
    ]
    pairs = {name: other for name, other in BLINDED.items() if {name, other} <= {*reports}}
    if pairs:
        said = ", ".join(f"`{name}` against `{other}`" for name, other in pairs.items())
        lines += ["", f"What it costs to be blind, {said}:", ""]
    for number, (name, other) in enumerate(pairs.items()):
        compared = paired_table({name: reports[name], other: reports[other]}, other, columns)
        lines += compared[2:] if number else compared
    return lines


def main() -> None:
    """Train what is missing, then write the table."""
    variants = sorted((path.name for path in CONF.iterdir() if path.is_dir()), key=lambda name: (name != "full", name))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", default=variants, choices=variants)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--num_test", type=int, default=100, help="clips per skill")
    parser.add_argument("--jobs", type=int, default=2, help="variants at a time, one core each")
    parser.add_argument("--graphs", action="store_true", help="on a GPU: steps of stage 1 as CUDA graphs")
    options = parser.parse_args()
    reports: dict[str, list[Report]] = {name: [] for name in [*options.variants, *BASELINES]}
    with ThreadPoolExecutor(options.jobs) as pool:
        if set(options.variants) & set(FROM_FULL):  # several go on from it
            list(pool.map(lambda seed: train("full", "stage1", seed, None, options.graphs), options.seeds))
        jobs = {
            (name, seed): pool.submit(train_and_score, name, seed, options.num_test, options.graphs)
            for seed in options.seeds
            for name in options.variants
        }
        jobs |= {(name, 0): pool.submit(score_baseline, name, options.num_test) for name in BASELINES}
        for (name, seed), job in jobs.items():
            reports[name].append(read_report(job.result()))
            print(f"{name}, seed {seed}: done", flush=True)
    steps = sampling_steps(made for name, seed in jobs for made in (RUNS / name / str(seed)).glob("stage*/model"))
    seen = {
        name: [read_report(seen_report(RUNS / name / str(seed))) for seed in options.seeds]
        for name in options.variants
        if name in SEEING
    }
    (ROOT / "docs/ABLATIONS.md").write_text(page(reports, options.seeds, options.num_test, steps, seen))
    print(ROOT / "docs/ABLATIONS.md")


if __name__ == "__main__":
    main()
