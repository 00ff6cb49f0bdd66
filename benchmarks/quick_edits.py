"""What do fewer steps, other solvers and reuse cost in quality? The shipped nano model, skill by skill.

    python -m benchmarks.quick_edits [--clips 24] [--only "own, 2 steps" ...]

Each row edits the same first clips of the test split and scores them by the exact answers; it is kept under
``runs/quick_edits`` and not made again. Prints a table for ``docs/BENCHMARKS.md``: mean success or mIoU in % with half
of the 95 % interval over clips, and processor time of editing as a ratio to the first row's.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.skill_scores import SkillScores
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.training.precision import autocast

ROOT = Path(__file__).resolve().parent.parent
RUNS, MODEL = ROOT / "runs/quick_edits", ROOT / "weights/nano/model"
BATCH = 12


@dataclass(frozen=True)
class Way:
    """One row.

    Args:
        steps: Of sampling.
        solver: In place of the model's own scheduler.
        reuse: Steps from one full pass of the diffusion model to the next.
    """

    steps: int
    solver: str | None = None
    reuse: int = 1


WAYS = {
    "own, 4 steps": Way(4),
    "own, 2 steps": Way(2),
    "own, 4 steps, deep part every 2": Way(4, reuse=2),
    "DPM-Solver++, 2 steps": Way(2, "DPMSolverMultistepScheduler"),
    "UniPC, 2 steps": Way(2, "UniPCMultistepScheduler"),
    "Euler, 2 steps": Way(2, "EulerDiscreteScheduler"),
    "own, 1 step": Way(1),
    "DPM-Solver++, 4 steps": Way(4, "DPMSolverMultistepScheduler"),
    "UniPC, 4 steps": Way(4, "UniPCMultistepScheduler"),
    "own, 8 steps": Way(8),
    "own, 8 steps, deep part every 2": Way(8, reuse=2),
    "own, 8 steps, deep part every 4": Way(8, reuse=4),
}


def measure(way: Way, clips: int, model: Path = MODEL, num_frames: int = 8) -> dict[str, Any]:
    """Edit and score the first clips of each skill."""
    module: VeggieModel = load_model(model)
    quicken(module, Quick(solver=way.solver, reuse=way.reuse))
    module.num_steps = way.steps
    measures = SkillTable(ShapeDetector(), aspects=["answer"])
    found: dict[str, Any] = {}
    seconds = 0.0
    for stream in ShapesBenchmark("test", num_frames=num_frames, measures=measures).streams().values():
        scores: SkillScores | None = None
        for first in range(0, clips, BATCH):
            batch = collate([(number, stream[number]) for number in range(first, min(first + BATCH, clips))])
            started = time.process_time()
            with autocast(module.device):
                edited = module.edit_batch(batch)
            seconds += time.process_time() - started
            if scores is None:
                skill = batch.skill[0]
                scores = SkillScores(measures.of_skill(skill))
            scores.update(edited, batch)
        assert scores is not None
        headline = scores.summaries(0)[scores.row.headline]
        found[skill] = {name: getattr(headline, name) for name in ("mean", "low", "high", "n")}
    return {"seconds": seconds, "skills": found}


def table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Markdown."""
    first = next(iter(rows.values()))["seconds"]
    head = ["way", "time", *(skill.title for skill in Skill), "mean"]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for name, row in rows.items():
        skills = [row["skills"][skill] for skill in Skill if skill in row["skills"]]
        cells = [f"{one['mean']:.0f} ± {(one['high'] - one['low']) / 2:.0f}" for one in skills]
        mean = sum(one["mean"] for one in skills) / len(skills)
        lines.append(f"| {name} | {row['seconds'] / first:.2f} | {' | '.join(cells)} | {mean:.1f} |")
    return lines


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24, help="of each skill")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    rows = {}
    for name in options.only:
        kept = RUNS / str(options.clips) / f"{name.replace(',', '').replace(' ', '_')}.json"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({**measure(WAYS[name], options.clips), **asdict(WAYS[name])}))
        rows[name] = json.loads(kept.read_text())
        print(name, f"{rows[name]['seconds']:.0f} s", flush=True)
    print(f"{options.clips} clips a skill, {torch.get_num_threads()} threads")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
