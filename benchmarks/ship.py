"""Put the weights of ``make nano`` into ``weights/nano``, with how they were made.

    python -m benchmarks.ship [--stage0 DIR] [--stage1 RUN] [--stage2 RUN]

Stage 1 froze the MLLM, so its folder names ``weights/nano/mllm`` instead of holding it again. Weights are stored as
float16; ``provenance.json`` holds commands, commit, a hash of the training data, steps and the logged
validation metrics.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.model_folder import load_model, record_at, save_model

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "weights/nano"


def data_hash(num_records: int = 64) -> str:
    """SHA-256 of pictures, clips and instructions of the first training records of Moving Shapes."""
    digest = hashlib.sha256()
    for num_frames in (1, 8):
        records = ShapesRecords("train", skills={skill.value: 1.0 for skill in Skill}, num_frames=num_frames)
        for index in range(num_records):
            record, instruction = records[index], records.draw(index)[2]
            digest.update(instruction.encode())
            digest.update(((record.source + 1) * 127.5).round().byte().numpy().tobytes())
    return digest.hexdigest()


def logged(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Validation metrics of a run by name: (step, value)."""
    series: dict[str, list[tuple[int, float]]] = {}
    for events in sorted(run.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime):
        log = EventAccumulator(str(events)).Reload()
        for tag in (tag for tag in log.Tags()["scalars"] if tag.startswith("val/")):
            series.setdefault(tag, []).extend((event.step, round(event.value, 4)) for event in log.Scalars(tag))
    return series


def made_of(folder: str) -> int:
    """Steps that a model was trained for."""
    record = record_at(WEIGHTS / folder)
    assert record is not None, folder
    return record.steps


def main() -> None:
    """Copy, halve, describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage0", type=Path, default=ROOT / "runs/stage0/nano/mllm")
    parser.add_argument("--stage1", type=Path, default=ROOT / "runs/stage1/nano")
    parser.add_argument("--stage2", type=Path, default=ROOT / "runs/stage2/nano")
    parser.add_argument("--command", action="append", default=[], help="how they were made, if not by `make nano`")
    args = parser.parse_args()
    if args.stage0.resolve() != (WEIGHTS / "mllm").resolve():
        shutil.copytree(args.stage0, WEIGHTS / "mllm", dirs_exist_ok=True)
    save_model(load_model(args.stage1 / "model"), WEIGHTS / "stage1", half=True, mllm=WEIGHTS / "mllm")
    save_model(load_model(args.stage2 / "model"), WEIGHTS / "model", half=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    made = {
        "commands": args.command or ["make nano"],
        "commit": commit.stdout.strip(),
        "data_sha256": data_hash(),
        "steps": {stage: made_of(folder) for stage, folder in (("stage1", "stage1"), ("stage2", "model"))},
        "validation": {"stage1": logged(args.stage1), "stage2": logged(args.stage2)},
    }
    (WEIGHTS / "provenance.json").write_text(json.dumps(made, indent=1) + "\n")
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    print(f"{WEIGHTS}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
