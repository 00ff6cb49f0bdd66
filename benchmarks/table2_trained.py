"""Rows of the table of methods that have to be trained: three models at equal compute, their reports kept in the tree.

    python -m benchmarks.table2_trained [--num_test 40] [--seed 0] [--jobs 2]

VEGGIE, an InsV2V-like and an LGVI-like model, each of pico size through both stages of ``conf/ablation/full``: the same
steps, batches and optimiser. Their edits are scored as those of ``make table2``, and the reports written to
``benchmarks/trained``, where it reads them. Some twenty minutes of a core each; what is done is kept under
``runs/trained``.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.ablations import ROOT, run
from benchmarks.scored_edits import Row, edit_and_score
from veggie_pl.metrics.report import Report, read_report, write_report

RUNS, SHIPPED = ROOT / "runs/trained", ROOT / "benchmarks/trained"
STAGES = ("stage1", "stage2")
EQUAL = "conf/ablation/full"  # the steps of all


@dataclass(frozen=True)
class Trained:
    """A model that is trained for a row.

    Args:
        name: As the table calls it.
        configs: Folder of its own configs, one a stage.
        args: More arguments of its ``fit``.
    """

    name: str
    configs: str = ""
    args: tuple[str, ...] = ()


# InsV2V's own scales, 7.5 and 1.8, are for many steps of predicted noise. Of task scales 1, 1.5, 2 and 3 with source
# scale 1, on 24 clips a skill of val, 1 is best: mean of success and mIoU 45, 42, 36 and 29 %.
MODELS = {
    "veggie": Trained("VEGGIE, pico"),
    "insv2v": Trained(
        "InsV2V-like, pico", "conf/baseline/insv2v", ("--model.guidance", "{default: {task: 1.0, source: 1.0}}")
    ),
    "lgvi": Trained("LGVI-like, pico, removal alone", "conf/baseline/lgvi"),
}


def commands(model: Trained, seed: int, folder: Path) -> list[list[str]]:
    """The arguments of ``fit`` of both stages, the second one from the first one's weights."""
    found = []
    for stage in STAGES:
        folders = ("conf", EQUAL, model.configs) if model.configs else ("conf", EQUAL)
        configs = (*(f"{place}/{stage}.yaml" for place in folders), "conf/ablation/pico.yaml")
        args = [part for config in configs for part in ("--config", config)]
        args += ["--seed_everything", str(seed), "--model.seed", str(seed), "--data.seed", str(seed), *model.args]
        args += ["--trainer.default_root_dir", str(folder / stage), "--trainer.logger", "false"]
        args += ["--init_from.folders", f"[{folder / STAGES[0] / 'model'}]"] if stage != STAGES[0] else []
        found.append(["fit", *args])
    return found


def train_and_score(key: str, seed: int, num_test: int) -> Report:
    """Train what is not trained yet, and score it."""
    model, folder = MODELS[key], RUNS / str(seed) / key
    for stage, args in zip(STAGES, commands(model, seed, folder), strict=True):
        if not (folder / stage / "model").is_dir():
            run(*args)
    row = Row(model.name, ("--model.folder", str(folder / STAGES[-1] / "model")))
    return edit_and_score(folder / str(num_test), row, num_test)


def slim(report: Report) -> Report:
    """Leave of each clip what the page compares: its success or mIoU."""
    samples = (
        replace(
            one, values={name: value for name, value in one.values.items() if name in ("success", "miou")}, notes={}
        )
        for one in report.samples
    )
    return replace(report, samples=tuple(samples))


def shipped() -> dict[str, Report]:
    """The reports in the tree, by the name of the row."""
    places = {model.name: SHIPPED / f"{key}.json" for key, model in MODELS.items()}
    return {name: read_report(place) for name, place in places.items() if place.is_file()}


def main() -> None:
    """Do what is missing, then write the reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_test", type=int, default=40, help="clips per skill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="models at a time, one core each")
    parser.add_argument("--only", nargs="+", default=list(MODELS), choices=list(MODELS))
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = {key: pool.submit(train_and_score, key, options.seed, options.num_test) for key in options.only}
        for key, job in jobs.items():
            write_report(slim(job.result()), SHIPPED / f"{key}.json")
            print(SHIPPED / f"{key}.json", flush=True)


if __name__ == "__main__":
    main()
