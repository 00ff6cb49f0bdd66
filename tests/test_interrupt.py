"""Ctrl-C on a real run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ticking import HANGS, ticks, wait_for_steps

ROOT = Path(__file__).resolve().parent.parent


def hear_ctrl_c() -> None:
    """Where the tests run in the background of a shell, SIGINT is ignored, also by what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "veggie_pl", "fit", "--config", "conf/stage1.yaml", "--data.batch_size", "2"]
    command += ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.val_check_interval", "1000000"]
    command += ["--data.num_workers", "0", "--trainer.default_root_dir", str(tmp_path)]
    command += ticks(tmp_path / "ticks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    events = tmp_path / "stage1/version_0"
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=hear_ctrl_c
    )
    try:
        wait_for_steps(process, tmp_path / "ticks")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=HANGS)
    finally:
        process.kill()
    assert process.returncode != 0
    assert "To go on: --ckpt_path" in said
    assert "Traceback" not in said
    kept = torch.load(events / "checkpoints/last.ckpt", weights_only=True)
    assert kept["global_step"] > 0
    assert kept["VeggieDataModule"]["position"] == 2 * kept["global_step"]
