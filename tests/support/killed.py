"""Kills a training process again and again; ``test_killed.py`` starts it and looks at what is left.

python tests/support/killed.py OUT

Everything is imported and built once; each life of the run is a fork of this process, so that dying is cheap.
"""

import os
import random
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy

from support.parts import fit, make_data, randomise_output, tiny_module
from veggie_pl.callbacks import Ema, Freeze, WholeSteps
from veggie_pl.module import VeggieModule
from veggie_pl.training.checkpoint_io import WholeFiles

KILLS = 10
STEPS, FEW, BATCH = 32, 13, 2  # few: of the runs that change their number of ranks; both outlast their kills
LINE = "{:016.4f}\n"  # seconds, at the end of each step
RANKS = [1, 2, 1, 2]  # of each life of the run that changes its number of ranks


@dataclass
class Death:
    """When a life ends: some time after one of its steps."""

    step: int
    moment: float  # seconds

    def on_step(self, step: int) -> None:
        """The kernel ends the process, and nothing of Python's runs any more; a timer knows no busy machine."""
        if step == self.step:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, max(self.moment, 1e-5))
        elif step == self.step + 2:
            os.kill(os.getpid(), signal.SIGKILL)  # no life does more than that many steps


class Consumed(Callback):
    """Indices of all samples whose steps are in the weights, in order, over all ranks; kept with them."""

    def __init__(self, progress: Path, death: Death | None) -> None:
        self.indices: list[int] = []
        self.progress = progress
        self.death, self.steps = death, 0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.indices += trainer.strategy.all_gather(batch.index).flatten().tolist()
        if trainer.is_global_zero:
            with self.progress.open("a") as file:
                file.write(LINE.format(time.monotonic()))
        self.steps += 1
        if self.death is not None:
            self.death.on_step(self.steps)

    def state_dict(self) -> dict[str, Any]:
        return {"indices": self.indices}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.indices = state_dict["indices"]


def train(module: VeggieModule, out: Path, steps: int, ranks: int, workers: int, death: Death | None) -> None:
    """One life: from the newest checkpoint to the end, which leaves ``done.pt``."""
    kept = sorted(out.glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    consumed = Consumed(out / "progress", death)
    keep = ModelCheckpoint(out, every_n_train_steps=1, save_last=True, save_top_k=1, filename="{step}")
    strategy: Any = {} if ranks == 1 else {"strategy": DDPStrategy(), "devices": ranks}
    options = {"callbacks": [Freeze(["vae", "mllm"]), Ema(0.9), WholeSteps(), consumed, keep], "plugins": WholeFiles()}
    data = make_data(num_workers=workers, batch_size=BATCH // ranks)
    trainer = fit(module, data, steps, ckpt_path=str(kept[-1]) if kept else None, **options, **strategy)
    if trainer.is_global_zero:
        torch.save({"indices": consumed.indices, "weights": module.state_dict()}, out / "done.pt")


def start(module: VeggieModule, out: Path, steps: int, ranks: int, workers: int, death: Death | None) -> list[int]:
    """Fork the processes of one life, and wait for their ends."""
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
            train(module, out, steps, ranks, workers, death)
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return [os.waitpid(child, 0)[1] for child in children]


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
        death = Death(chance.randint(1, 2), chance.uniform(0, moment)) if life < kills else None
        ends = start(module, out, steps, ranks[life % len(ranks)], workers, death)
        # The other rank may hear of it before it is killed itself.
        assert all(ends) and any(map(os.WIFSIGNALED, ends)) if death else not any(ends), ends
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
