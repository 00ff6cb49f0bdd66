"""Preemption: a run under SLURM that gets SIGUSR1 keeps its state, asks to be queued again, and goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.starts import Starts
from support.ticking import HANGS, ticks, wait_for, wait_for_steps

from veggie_pl.model_folder import load_model

ROOT = Path(__file__).resolve().parent.parent


def command(folder: Path, steps: int, *more: str) -> list[str]:
    args = ["fit", "--config", "conf/stage1.yaml", "--trainer.accelerator", "cpu", "--trainer.precision", "32"]
    args += ["--trainer.max_steps", str(steps), "--data.batch_size", "2", "--data.num_workers", "0"]
    args += ["--model.lr_schedule", "constant_with_warmup", "--trainer.limit_val_batches", "0"]
    args += ["--trainer.default_root_dir", str(folder)]
    args += ["--trainer.logger.init_args.save_dir", str(folder), "--trainer.enable_progress_bar", "false"]
    return [*args, *more]


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """What SLURM sets for a job of one task, and a `scontrol` that writes down what it is asked."""
    tool = tmp_path / "bin/scontrol"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    tool.chmod(0o755)
    job = {"JOB_ID": "7", "JOB_NAME": "veggie", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    job |= {"NTASKS_PER_NODE": "1", "NNODES": "1", "JOB_NUM_NODES": "1", "NODELIST": "localhost"}
    settings = {f"SLURM_{name}": value for name, value in job.items()}
    return {
        **os.environ,
        **settings,
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
    }


@pytest.mark.slow
def test_preempted_job_is_queued_again_and_equals_one_that_was_not(
    tmp_path: Path, cluster: dict[str, str], starts: Starts
) -> None:
    folder = tmp_path / "job"
    with (tmp_path / "log").open("w") as log:
        python = [sys.executable, "-m", "veggie_pl"]  # a start of its own, whose sets have another order
        ticking = command(folder, 100_000, *ticks(tmp_path / "ticks"))
        job = subprocess.Popen([*python, *ticking], cwd=ROOT, env=cluster, stdout=log, stderr=log)
        try:
            wait_for_steps(job, tmp_path / "ticks")
            job.send_signal(signal.SIGUSR1)
            wait_for(job, (tmp_path / "asked").exists, "it asks to be queued again")
        finally:
            job.kill()
            job.wait()
    assert (tmp_path / "asked").read_text() == "requeue 7\n", (tmp_path / "log").read_text()[-2000:]
    kept = torch.load(folder / "hpc_ckpt_1.ckpt", weights_only=True)
    done = kept["global_step"]
    assert kept["datamodule" if "datamodule" in kept else "VeggieDataModule"]["position"] == 2 * done

    steps = done + 2
    plain = {name: value for name, value in cluster.items() if not name.startswith("SLURM_")}
    for place, env in ((folder, cluster), (tmp_path / "straight", plain)):
        log_file = tmp_path / f"log_{place.name}"
        with starts.start(command(place, steps), log_file, env=env) as run:
            assert run.wait(HANGS) == 0, log_file.read_text()[-2000:]
    models = [max(path.glob("stage1/version_*/model")) for path in (folder, tmp_path / "straight")]
    first, second = (load_model(model).state_dict() for model in models)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
