"""What does Lightning cost? ``fit`` with all its callbacks against a bare PyTorch loop over the same step.

    python -m benchmarks.training [stage1|stage2]

Both sides build their parts from the shipped config, in turn, in one process. Rounds alternate, so that a machine that
slows down slows both. Prints a markdown table.
"""

import platform
import statistics
import sys
import time
from typing import Any

import torch
from lightning import Callback
from torch.optim.swa_utils import AveragedModel

from veggie_pl.callbacks import Freeze, Throughput
from veggie_pl.callbacks.ema import moving_average
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.files import TRAINING
from veggie_pl.training.precision import autocast

ROUNDS, WARMUP, STEPS = 3, 10, 60
WRITERS = ("ModelCheckpoint", "SaveModel")  # files and loggers are no part of a step


class Clock(Callback):
    """Seconds between the end of the warm-up and the end of the last step."""

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = warmup, steps

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.warmup:
            self.started = time.perf_counter()
        if trainer.global_step == self.warmup + self.steps:
            self.seconds = time.perf_counter() - self.started


def build(stage: str, steps: int) -> VeggieCLI:
    args = ["--config", f"conf/{stage}.yaml", "--init_from.folders", "null", "--trainer.logger", "false"]
    args += ["--trainer.max_steps", str(steps), "--trainer.limit_val_batches", "0"]
    args += ["--trainer.enable_progress_bar", "false", "--trainer.default_root_dir", "runs/benchmark"]
    cli = VeggieCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    callbacks_of(cli)[:] = [c for c in callbacks_of(cli) if type(c).__name__ not in WRITERS]
    return cli


def callbacks_of(cli: VeggieCLI) -> list[Callback]:
    """The trainer's own list."""
    found: list[Callback] = cli.trainer.callbacks  # type: ignore[attr-defined]
    return found


def with_lightning(stage: str, warmup: int = WARMUP, steps: int = STEPS) -> tuple[float, float]:
    """Samples a second, and the share of time spent waiting for data."""
    cli = build(stage, warmup + steps)
    clock, watch = Clock(warmup, steps), Waiting(warmup + steps)
    callbacks_of(cli).extend([clock, watch])
    cli.trainer.fit(cli.model, cli.datamodule)
    return steps * cli.datamodule.batch_size / clock.seconds, watch.share


class Waiting(Throughput):
    """Keeps the share that ``Throughput`` would log."""

    def __init__(self, every_n_steps: int) -> None:
        super().__init__(every_n_steps)
        self.share = 0.0

    def _reset(self) -> None:
        if getattr(self, "batches", 0):
            self.share = self.waiting / (self.waiting + self.working)
        super()._reset()


def bare(stage: str) -> float:
    """Samples a second of forward, backward, optimizer, schedule and EMA in a plain loop."""
    cli = build(stage, WARMUP + STEPS)
    module, data = cli.model, cli.datamodule
    freeze = next(c for c in callbacks_of(cli) if isinstance(c, Freeze))
    freeze.setup(cli.trainer, module, "fit")
    optimizer = module.make_optimizer([p for p in module.parameters() if p.requires_grad])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    average = AveragedModel(module.viddm, multi_avg_fn=moving_average(0.999))
    weights = module.skill_weights
    data.trainer = cli.trainer
    batches = iter(data.train_dataloader())
    for step in range(WARMUP + STEPS):
        if step == WARMUP:
            started = time.perf_counter()
        batch = next(batches)
        with autocast("cpu"):
            per_sample = module.per_sample_loss(batch, "fit")
            loss = (torch.tensor([weights[skill] for skill in batch.skill]) * per_sample).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(module.viddm)
    rate: float = STEPS * data.batch_size / (time.perf_counter() - started)
    return rate


def main() -> None:
    stages = sys.argv[1:] or ["stage1", "stage2"]
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n"
    )
    print("| stage | bare loop, samples/s | fit, samples/s | ratio | waiting for data |")
    print("|---|---:|---:|---:|---:|")
    for stage in stages:
        ours, peers, waits = [], [], []
        for _ in range(ROUNDS):
            peers.append(bare(stage))
            speed, wait = with_lightning(stage)
            ours.append(speed)
            waits.append(wait)
        peer, our = statistics.median(peers), statistics.median(ours)
        print(f"| {stage} | {peer:.1f} | {our:.1f} | {our / peer:.3f} | {100 * statistics.median(waits):.1f} % |")


if __name__ == "__main__":
    main()
