"""Is it worth lifting pictures? Stage 2 at pico size on native clips, and on clips lifted from pictures.

    python -m benchmarks.synthesis_proof [--variants native lifted ...] [--seeds 0 1] [--num_test 100] [--jobs 2]

Editing clips come from where the variant says; grounding and reasoning are the same native clips everywhere. All start
from one stage 1 and see as many frames. What is done is kept under ``runs/synthesis_proof`` and not done again. Writes
``docs/SYNTHESIS_PROOF.md``: success and mIoU per skill, mean over seeds, with 95 % intervals over clips and seeds.
"""

import argparse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import yaml

from benchmarks.ablations import CONF, ROOT, cell, of_figures, run, sampling_steps, scoring, train
from benchmarks.shape_stills import SKILLS, Video, write_stills
from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, read_report

RUNS = ROOT / "runs/synthesis_proof"
COUNT, STEPS, CLIPS, FRAMES, SIZE = 1500, 500, 4, 8, 32
VARIANTS = {
    "native": "clips of the world itself",
    "lifted": "pictures, set in motion by layered parallax, and filtered",
    "unfiltered": "the same, unfiltered",
    "stills": "the same pictures, not set in motion",
    "real_target": "edited pictures that are first frames of native clips, which are the targets; the sources are made",
}
ROUTES: dict[str, dict[str, Any]] = {
    "lifted": {"animate": "ParallaxAnimator", "propagate": "SameMotion", "preset": "embedded", "moved": "source"},
    "unfiltered": {"animate": "ParallaxAnimator", "propagate": "SameMotion", "preset": "none", "moved": "source"},
    "real_target": {"animate": "RecordedVideo", "propagate": "FlowWarp", "preset": "embedded", "moved": "target"},
}


def stills(video: Video) -> Path:
    """Write pictures, if they are not there yet; returns their table."""
    folder = RUNS / "data" / f"stills_{video}"
    return folder / "train" if folder.is_dir() else write_stills(folder, COUNT, video)


def lift(variant: str, tables: Mapping[str, Path]) -> Path:
    """Lift the pictures of a variant, if that is not done yet; returns the table."""
    route, place = ROUTES[variant], RUNS / "data" / variant
    if not place.is_dir():
        room = "veggie_pl.synthesis"
        config = {
            "table": str(tables["target" if route["moved"] == "target" else "none"]),
            "output": str(place),
            "store": str(RUNS / "store"),
            "moved": route["moved"],
            "lossless": True,
            "directions": ["forward"],
            "max_failed": 0.5,
            "describe": {"class_path": f"{room}.describe.RuleDescriber"},
            "animate": {"class_path": f"{room}.animate.{route['animate']}", "init_args": {"num_frames": FRAMES}},
            "propagate": {"class_path": f"{room}.propagate.{route['propagate']}"},
            "assess": {"class_path": f"{room}.assess.RuleAssessor", "init_args": {"preset": route["preset"]}},
        }
        settings = RUNS / "data" / f"{variant}.yaml"
        settings.write_text(yaml.safe_dump(config, sort_keys=False))
        run("synthesize", "--config", str(settings))
    return place / "train"


def data_of(variant: str, tables: Mapping[str, Path]) -> dict[str, Any]:
    """The mixture of a variant, as a config."""
    frames = 1 if variant == "stills" else FRAMES
    if variant == "native":
        records = _records("ShapesRecords", seed=1, skills=SKILLS, num_frames=frames, length=COUNT)
    else:
        table = tables["none"] if variant == "stills" else lift(variant, tables)
        records = _records("TableRecords", table=str(table), num_frames=frames, size=SIZE)
    own = {"class_path": "veggie_pl.data.streams.EditingStream", "init_args": {"records": records}}
    editing: dict[str, Any] = {"weight": 6.5, "stream": own}
    if variant != "native":
        editing["skills"] = SKILLS
    streams: dict[str, Any] = {"editing": editing}
    for name, weight in (("grounding", 2), ("reasoning", 1.5)):
        records = _records("ShapesRecords", skills={name: 1}, num_frames=frames)
        kind = f"veggie_pl.data.streams.{name.capitalize()}Stream"
        streams[name] = {"weight": weight, "stream": {"class_path": kind, "init_args": {"records": records}}}
    return {"data": {"streams": streams, "batch_size": CLIPS * FRAMES // frames}, "trainer": {"max_steps": STEPS}}


def _records(kind: str, **arguments: Any) -> dict[str, Any]:
    if kind == "ShapesRecords":
        return {"class_path": "veggie_pl.data.shapes.ShapesRecords", "init_args": {"split": "train", **arguments}}
    return {"class_path": "veggie_pl.data.table.TableRecords", "init_args": arguments}


def train_and_score(variant: str, seed: int, before: Path, config: Path, num_test: int) -> Path:
    """Stage 2 of a variant, then the test; returns the report."""
    folder = RUNS / variant / str(seed)
    if not (folder / "stage2/model").is_dir():
        args = ["--config", "conf/stage2.yaml", "--config", str(CONF / "pico.yaml"), "--config", str(config)]
        args += ["--trainer.default_root_dir", str(folder / "stage2"), "--seed_everything", str(seed)]
        args += ["--model.seed", str(seed), "--data.seed", str(seed), "--init_from.folders", f"[{before}]"]
        run("fit", *args)
    if not (folder / "report.json").is_file():
        run(
            *("test", "--model.folder", str(folder / "stage2/model"), "--evaluate.output", str(folder)),
            *scoring(num_test),
        )
    return folder / "report.json"


def page(reports: Mapping[str, list[Report]], seeds: list[int], num_test: int, kept: Mapping[str, int]) -> str:
    """What ``docs/SYNTHESIS_PROOF.md`` says."""
    steps = sampling_steps(RUNS / name / str(seed) / "stage2/model" for name in reports for seed in seeds)
    head = ["editing clips", "pairs", *(f"{skill.title}" for skill in Skill)]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for name, found in reports.items():
        cells = [cell(found, skill) for skill in Skill]
        lines.append(f"| {name} | {kept.get(name, COUNT):,} | " + " | ".join(cells) + " |")
    text = [
        "# Is lifting worth it?",
        "",
        "Written by `python -m benchmarks.synthesis_proof`; pico size, stage 2 of",
        f"{STEPS} steps of {CLIPS * FRAMES} frames from one stage 1 a seed, seeds {seeds},",
        f"{num_test} clips a skill of the test split. Success and mIoU in %, mean ± half of",
        "the 95 % interval over clips and seeds.",
        f"{of_figures(steps)} Grounding and reasoning are taught by the same clips",
        "in all rows (by single frames of them in `stills`).",
        "",
        *(f"- **{name}**: {VARIANTS[name]}" for name in reports),
        "",
        *lines,
    ]
    return "\n".join(text) + "\n"


def main() -> None:
    """Do what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--num_test", type=int, default=100, help="clips per skill")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one core each")
    options = parser.parse_args()
    (RUNS / "data").mkdir(parents=True, exist_ok=True)
    tables = {name: stills(name) for name in get_args(Video)}
    configs, kept = {}, {}
    for name in options.variants:
        configs[name] = RUNS / "data" / f"{name}_fit.yaml"
        configs[name].write_text(yaml.safe_dump(data_of(name, tables), sort_keys=False))
        if name in ROUTES:
            kept[name] = sum(1 for _ in (RUNS / "data" / name / "provenance.jsonl").open())
        print(f"{name}: {kept.get(name, COUNT):,} pairs", flush=True)
    reports: dict[str, list[Report]] = {name: [] for name in options.variants}
    with ThreadPoolExecutor(options.jobs) as pool:
        first = dict(
            zip(options.seeds, pool.map(lambda s: train("full", "stage1", s, None), options.seeds), strict=True)
        )
        jobs = {
            (name, seed): pool.submit(train_and_score, name, seed, first[seed], configs[name], options.num_test)
            for seed in options.seeds
            for name in options.variants
        }
        for (name, seed), job in jobs.items():
            reports[name].append(read_report(job.result()))
            print(f"{name}, seed {seed}: done", flush=True)
    text = page(reports, options.seeds, options.num_test, kept)
    (ROOT / "docs/SYNTHESIS_PROOF.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
