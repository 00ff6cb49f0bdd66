"""Ctrl-C, SIGTERM and SIGHUP on real runs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.starts import Starts
from support.ticking import HANGS, ticks, wait_for_steps

ROOT = Path(__file__).resolve().parent.parent


def hear_signals() -> None:
    """Where the tests run in the background of a shell, some signals are ignored, also by what they start."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


FIT, PRETRAIN = ["fit", "--config", "conf/stage1.yaml"], ["pretrain", "--data.num_clips", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "sent"),
    [(FIT, signal.SIGINT), (FIT, signal.SIGTERM), (FIT, signal.SIGHUP), (PRETRAIN, signal.SIGINT)],
    ids=lambda one: one.name if isinstance(one, signal.Signals) else one[0],
)
def test_signal_keeps_a_checkpoint_and_says_how_to_go_on(
    tmp_path: Path, starts: Starts, run: list[str], sent: signal.Signals
) -> None:
    """It comes to the whole group, as from a terminal, a scheduler or `timeout`: readers of data get it, too."""
    command = [*run, "--data.batch_size", "2"]
    command += ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.val_check_interval", "1000000"]
    command += ["--data.num_workers", "1", "--trainer.default_root_dir", str(tmp_path)]
    command += ticks(tmp_path / "ticks")
    with starts.start(command, tmp_path / "log", session=True) as process:
        wait_for_steps(process, tmp_path / "ticks")
        os.killpg(process.pid, sent)
        process.wait(HANGS)
    said = (tmp_path / "log").read_text()
    assert process.returncode == (1 if sent is signal.SIGINT else 128 + sent), said
    assert "To go on: --ckpt_path" in said
    assert "Traceback" not in said
    assert "veggie_pl check" not in said  # nobody blames the data
    assert sent is signal.SIGINT or f"stopped by {sent.name}" in said
    (last,) = tmp_path.glob("*/version_0/checkpoints/last.ckpt")
    assert str(last) in said
    kept = torch.load(last, weights_only=True)
    assert kept["global_step"] >= 2
    assert run is PRETRAIN or kept["VeggieDataModule"]["position"] == 2 * kept["global_step"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP], ids=lambda sent: sent.name)
def test_signal_ends_any_command_in_order(tmp_path: Path, sent: signal.Signals) -> None:
    code = """
import os, sys, time
from veggie_pl import cli

def index(args):
    try:
        print("at work", flush=True)
        time.sleep(600)
    finally:
        print("cleaned up", flush=True)

cli.COMMANDS["index"] = index
cli.main(["index"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_signals,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(sent)
    out, said = process.communicate(timeout=HANGS)
    assert process.returncode == 128 + sent
    assert out == "cleaned up\n"
    assert said == f"stopped by {sent.name}\n"
