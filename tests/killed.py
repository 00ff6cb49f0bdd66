"""Kills a training process again and again; ``test_killed.py`` starts it and looks at what is left.

python tests/killed.py OUT

Everything is imported and built once; each life of the run is a fork of this process, so that dying is cheap.
"""

import os
import random
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy
from parts import fit, make_data, randomise_output, tiny_module

from veggie_pl.callbacks import Ema, Freeze, WholeSteps
from veggie_pl.module import VeggieModule
from veggie_pl.whole_files import WholeFiles

STEPS, FEW, BATCH, KILLS = 30, 13, 2, 10  # few: of the runs that change their number of ranks
LINE = "{:016.4f}\n"  # seconds, at the end of each step
RANKS = [1, 2, 1, 2]  # of each life of the run that changes its number of ranks


class Consumed(Callback):
    """Indices of all samples whose steps are in the weights, in order, over all ranks; kept with them."""

    def __init__(self, progress: Path) -> None:
        self.indices: list[int] = []
        self.progress = progress

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.indices += trainer.strategy.all_gather(batch.index).flatten().tolist()
        if trainer.is_global_zero:
            with self.progress.open("a") as file:
                file.write(LINE.format(time.monotonic()))

    def state_dict(self) -> dict[str, Any]:
        return {"indices": self.indices}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.indices = state_dict["indices"]


def train(module: VeggieModule, out: Path, steps: int, ranks: int, workers: int) -> None:
    """One life: from the newest checkpoint to the end, which leaves ``done.pt``."""
    kept = sorted(out.glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    consumed = Consumed(out / "progress")
    keep = ModelCheckpoint(out, every_n_train_steps=1, save_last=True, save_top_k=1, filename="{step}")
    strategy: Any = {} if ranks == 1 else {"strategy": DDPStrategy(), "devices": ranks}
    options = {"callbacks": [Freeze(["vae", "mllm"]), Ema(0.9), WholeSteps(), consumed, keep], "plugins": WholeFiles()}
    data = make_data(num_workers=workers, batch_size=BATCH // ranks)
    trainer = fit(module, data, steps, ckpt_path=str(kept[-1]) if kept else None, **options, **strategy)
    if trainer.is_global_zero:
        torch.save({"indices": consumed.indices, "weights": module.state_dict()}, out / "done.pt")


def start(module: VeggieModule, out: Path, steps: int, ranks: int, workers: int) -> list[int]:
    """Fork the processes of one life."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(ranks):
        child = os.fork()
        if child:
            children.append(child)
            continue
        if ranks > 1:
            names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "GROUP_RANK": 0}
            names |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "killed"}
            os.environ.update({name: str(value) for name, value in names.items()})
        try:
            train(module, out, steps, ranks, workers)
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return children


def steps_done(out: Path) -> int:
    """Of all lives together, those that died with their steps included."""
    progress = out / "progress"
    return progress.stat().st_size // len(LINE.format(0)) if progress.exists() else 0


def pace(out: Path) -> float:
    """Seconds a step."""
    ends = [float(line) for line in (out / "progress").read_text().splitlines()]
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def live(
    module: VeggieModule, out: Path, steps: int, ranks: list[int], workers: int, moment: float = 0.0, kills: int = 0
) -> None:
    """Train to the end, killed ``kills`` times, each after one to two steps and up to ``moment`` seconds."""
    out.mkdir()
    chance = random.Random(kills)
    for life in range(kills + 1):
        before = steps_done(out)
        children = start(module, out, steps, ranks[life % len(ranks)], workers)
        if life < kills:
            wanted = before + chance.randint(1, 2)
            while steps_done(out) < wanted:
                assert all(os.waitpid(child, os.WNOHANG) == (0, 0) for child in children), "ended by itself"
                time.sleep(0.001)
            time.sleep(chance.uniform(0, moment))
            for child in children:
                os.kill(child, signal.SIGKILL)
        ends = [os.waitpid(child, 0)[1] for child in children]
        assert life < kills or not any(ends), ends
    (out / "lives").write_text(str(kills + 1))


def main(out: Path) -> None:
    """The run that is never killed, the one that is, and the one that also changes its number of ranks."""
    torch.set_num_threads(1)
    module = tiny_module(optimizer=lambda p: torch.optim.AdamW(p, 1e-3), lr_schedule="cosine")
    randomise_output(module)
    live(module, out / "whole", STEPS, [1], 2)
    moment = 1.2 * pace(out / "whole")
    live(module, out / "killed", STEPS, [1], 2, moment, KILLS)
    # AdamW would turn the last digits, which depend on the order of sums, into first ones.
    module.make_optimizer = lambda groups: torch.optim.SGD(groups, 0.05, momentum=0.5)
    live(module, out / "whole_sum", FEW, [1], 0)
    live(module, out / "ranks", FEW, RANKS, 0, moment, len(RANKS) - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
