"""Checkpoints and kills in the middle of writing them."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from veggie_pl.training.checkpoint_io import WholeFiles

ROOT = Path(__file__).resolve().parent.parent.parent
SAVES = """
import sys, torch
from veggie_pl.training.checkpoint_io import WholeFiles
writer, number = WholeFiles(), 0
while True:
    number += 1
    writer.save_checkpoint({"number": number, "weights": torch.full((8_000_000,), float(number))}, sys.argv[1])
    print(number, flush=True)
"""


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.slow
def test_kill_inside_a_save_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    place, partial = tmp_path / "last.ckpt", tmp_path / ".last.ckpt.partial"
    process = subprocess.Popen([sys.executable, "-c", SAVES, str(place)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    saved = int(process.stdout.readline())
    deadline = time.monotonic() + 600  # only so that a hang ends
    while time.monotonic() < deadline:
        if size_of(partial) > 1_000_000:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            if partial.exists():  # stopped inside a save
                break
            process.send_signal(signal.SIGCONT)
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    saved += len(process.communicate()[0].split())
    assert partial.exists()
    kept = torch.load(place, weights_only=True)
    assert kept["number"] == saved
    assert (kept["weights"] == kept["number"]).all()
    WholeFiles().save_checkpoint({"number": 0}, place)  # the next run sweeps what is left
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "deep/er/last.ckpt"
    WholeFiles().save_checkpoint({"number": 1}, place)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        WholeFiles().save_checkpoint({"number": 2}, place)
    assert [path.name for path in place.parent.iterdir()] == ["last.ckpt"]
    assert torch.load(place, weights_only=True) == {"number": 1}


def test_other_places_are_left_to_lightning() -> None:
    WholeFiles().save_checkpoint({"number": 1}, "memory://runs/last.ckpt")
    assert WholeFiles().load_checkpoint("memory://runs/last.ckpt", weights_only=True) == {"number": 1}
