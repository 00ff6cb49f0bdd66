"""Training that can be waited for: a line in a file at the end of every step, whatever the machine is doing beside."""

import subprocess
import time
from pathlib import Path
from typing import Any

from lightning import Callback

from support.starts import Start

HANGS = 540.0  # seconds without what is waited for, after which a test gives up


class Ticks(Callback):
    """Write a line after every step."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        with self.path.open("a") as file:
            file.write(f"{trainer.global_step}\n")


def ticks(path: Path) -> list[str]:
    """Of a command line of `fit`, which needs ``tests`` in its PYTHONPATH."""
    return ["--trainer.callbacks+=support.ticking.Ticks", "--trainer.callbacks.path", str(path)]


def wait_for(process: subprocess.Popen[Any] | Start, happened: Any, what: str) -> None:
    """Until it has happened, the process has ended or seems to hang."""
    given_up = time.monotonic() + HANGS
    while not happened():
        assert process.poll() is None, f"ended with {process.returncode} before {what}"
        assert time.monotonic() < given_up, f"hangs before {what}"
        time.sleep(0.1)


def wait_for_steps(process: subprocess.Popen[Any] | Start, path: Path, number: int = 3) -> None:
    """Until a training process has done some steps."""
    wait_for(process, lambda: path.exists() and path.read_text().count("\n") >= number, f"step {number}")
