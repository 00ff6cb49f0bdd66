"""``make nano``, cut short: three stages from nothing, each of which goes on where it stopped."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from support.ended import run_to_end
from support.starts import Starts

ROOT = Path(__file__).resolve().parent.parent
FEW = "--data.batch_size 2 --data.num_val 1 --data.num_workers 0 --trainer.val_check_interval 1000"
STAGES = {"stage0": "mllm/model.safetensors", "stage1": "model/veggie.json", "stage2": "model/veggie.json"}
pytestmark = pytest.mark.slow


def make_nano(starts: Starts, folder: Path, steps: int, fails: bool = False) -> str:
    """Run it, and return all it says."""
    command = ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.ready", f"BIN={starts.bin}", "nano"]
    command.append(f"NANO_FLAGS=--trainer.max_steps {steps} {FEW}")
    code, said = run_to_end(command, folder, starts.environment)
    assert bool(code) == fails, said[-3000:]
    return said


def last(folder: Path, stage: str) -> dict[str, Any]:
    path = folder / "runs" / stage / "nano/checkpoints/last.ckpt"
    kept: dict[str, Any] = torch.load(path, weights_only=True)
    return kept


def test_make_nano_runs_and_goes_on(tmp_path: Path, starts: Starts) -> None:
    for name in ("conf", "weights"):
        (tmp_path / name).symlink_to(ROOT / name)
    made = {stage: tmp_path / "runs" / stage / "nano" / name for stage, name in STAGES.items()}

    said = make_nano(starts, tmp_path, 2)
    assert said.count("2 steps, 4 samples") == 3, said  # wall-clock and samples of each stage
    assert all(path.is_file() for path in made.values())
    assert "fit" not in make_nano(starts, tmp_path, 2)  # a stage that is done is not done again

    before = {stage: last(tmp_path, stage)["callbacks"]["Throughput"] for stage in STAGES}
    shutil.rmtree(made["stage1"].parent)
    said = make_nano(starts, tmp_path, 3)
    for line in ("goes on after", "2 steps, 4 samples", "3 steps, 6 samples"):
        assert said.count(line) == 2, (line, said)  # of stages 1 and 2
    assert "3/3" in said  # the bar goes on as well; Lightning's own ends at 3/1
    assert "3/1" not in said
    assert "Epoch" not in said
    for stage in ("stage1", "stage2"):
        kept = last(tmp_path, stage)
        assert kept["global_step"] == 3
        assert kept["callbacks"]["Throughput"]["seconds"] > before[stage]["seconds"]

    model = made["stage2"].parent
    kept_model = model.rename(tmp_path / "kept")
    make_nano(starts, tmp_path, 3)  # it died after its last step, before its folder was written
    parts = sorted(path.relative_to(model) for path in model.rglob("*.safetensors"))
    assert len(parts) > 2
    assert all((model / part).read_bytes() == (kept_model / part).read_bytes() for part in parts)

    made["stage0"].unlink()
    shutil.rmtree(made["stage1"].parent)
    said = make_nano(starts, tmp_path, 3, fails=True)
    for line in ("goes on after", "2 steps, 4 samples", "3 steps, 6 samples"):
        assert line in said
    assert last(tmp_path, "stage0")["callbacks"]["Throughput"]["seconds"] > before["stage0"]["seconds"]
    assert "was written without its mllm" in said  # stage 1 cannot go on over another MLLM than it was trained with
