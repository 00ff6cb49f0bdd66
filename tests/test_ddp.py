"""Two real processes on one machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.smoke
@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_two_ranks_train_and_leave_one_model(tmp_path: Path, stage: str) -> None:
    args = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]
    args += ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2", "--data.batch_size", "2"]
    args += ["--data.num_val", "2", "--data.num_workers", "0", "--trainer.precision", "32"]
    args += ["--trainer.enable_progress_bar", "false", "--trainer.logger.init_args.save_dir", str(tmp_path)]
    args += ["--trainer.default_root_dir", str(tmp_path)]
    if stage == "stage2":
        args += ["--init_from.folders", "null"]
    command = [sys.executable, "-m", "veggie_pl", "fit", "--config", f"conf/{stage}.yaml", *args]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / f"{stage}/version_0/model/veggie.json").is_file()
    assert (tmp_path / f"{stage}/version_0/checkpoints/last.ckpt").is_file()
