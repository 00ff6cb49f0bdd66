"""How fast are samples ready? The loader against single readers, waiting for data, and going on from far ahead.

    python -m benchmarks.loader

Clips are mp4 files of 48 frames at 1280 x 720 pixels, made on the fly; a sample is 8 frames of a source and of a target
at 512 x 512 pixels, as at paper size. Rounds alternate, so that a machine that slows down slows all sides. Prints
markdown tables.
"""

import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.training import with_lightning
from veggie_pl.batch import Example, Skill
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Weighted
from veggie_pl.data.records import Record
from veggie_pl.data.streams import EditingStream
from veggie_pl.video.clip import read_clip
from veggie_pl.video.writer import write_clip

FRAMES, SIZE, LENGTH, FILES = 8, 512, 48, 4
HEIGHT, WIDTH = 720, 1280
STEP = 0.75  # seconds of a stage-2 step of one clip on an H100, by `plan` with conf/backbone/paper.yaml
ROUNDS, SAMPLES, STEPS = 5, 24, 30
MANY, FAR = 3_400_000, 3_000_000  # rows of the paper's mixture; where a run goes on


class ClipPairs:
    """Rows of a table of clips: a source, a target, an instruction."""

    bucket = f"{FRAMES}x{SIZE}x{SIZE}"

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*.mp4"))

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, index: int) -> Record:
        source, target = (read_clip(self.paths[(index + i) % len(self.paths)], FRAMES, SIZE) for i in (0, 1))
        return Record(Example(f"pair/{index}", Skill.CHANGING, "make it another"), source, target)


class ManyRows:
    """As many rows as the paper's mixture has, in groups."""

    def __init__(self) -> None:
        rows = np.random.default_rng(0).permutation(np.repeat(np.arange(32), MANY // 32))
        self.rows = {
            (
                f"{1 + 7 * (number % 2)}x{256 + 64 * (number // 16)}x256",
                str(list(Skill)[number // 2 % 8]),
            ): np.flatnonzero(rows == number)
            for number in range(32)
        }

    def __len__(self) -> int:
        return MANY

    def __getitem__(self, index: int) -> Record:
        clip = torch.zeros(1, 3, 8, 8)
        return Record(Example(f"row/{index}", Skill.CHANGING, "x"), clip, clip)

    def groups(self) -> dict[tuple[str, str], NDArray[np.int64]]:
        return self.rows


def trainer(rank: int = 0, ranks: int = 1) -> Any:
    """What the data module asks of one, before the first step."""
    counts = SimpleNamespace(processed=0, ready=0)
    progress = SimpleNamespace(total=counts, current=counts, is_last_batch=False)
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress), _combined_loader=None)
    return SimpleNamespace(
        global_rank=rank, world_size=ranks, fit_loop=loop, num_training_batches=0, accumulate_grad_batches=1
    )


def module(records: Any, **options: Any) -> VeggieDataModule:
    data = VeggieDataModule({"pairs": Weighted(EditingStream(records))}, **options)
    data.trainer = trainer()
    return data


def make_clips(folder: Path) -> None:
    """A pattern that drifts, and a bright square that moves over it."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) / HEIGHT, torch.arange(WIDTH + LENGTH * 4) / HEIGHT, indexing="ij")
    for number in range(FILES):
        wide = torch.stack([(9 * x + number).sin() * (7 * y).cos(), x - 1, y * 2 - 1])
        clip = torch.stack([wide[..., 4 * frame : 4 * frame + WIDTH] for frame in range(LENGTH)])
        for frame, picture in enumerate(clip):
            picture[:, 100:180, 10 * frame : 10 * frame + 80] = 1
        write_clip(folder / f"{number:02d}.mp4", clip.clamp(-1, 1))


def read_some(records: ClipPairs, rank: int, count: int, ready: Any, done: Any) -> None:
    """One single reader: it makes its batches itself and hands them to nobody."""
    torch.set_num_threads(1)
    data = module(records, batch_size=1, num_workers=0)
    data.trainer = trainer(rank, count)
    batches = iter(data.train_dataloader())
    next(batches)
    ready.wait()
    for _ in range(SAMPLES // count):
        next(batches)
    done.put(None)


def readers(records: ClipPairs, count: int) -> float:
    """Samples a second of ``count`` single readers side by side."""
    context = multiprocessing.get_context("fork")
    ready, done = context.Barrier(count + 1), context.Queue()
    processes = [context.Process(target=read_some, args=(records, i, count, ready, done)) for i in range(count)]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for _ in processes:
        done.get()
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
    return SAMPLES / seconds


def loader(records: ClipPairs, workers: int) -> float:
    """Samples a second of the training loader with nothing else to do, from its second batch for each worker on."""
    batches = iter(module(records, batch_size=1, num_workers=workers).train_dataloader())
    for _ in range(workers):
        next(batches)
    started = time.perf_counter()
    for _ in range(SAMPLES):
        next(batches)
    return SAMPLES / (time.perf_counter() - started)


def waiting(records: ClipPairs, workers: int) -> float:
    """Share of the time that steps of paper size, spent elsewhere, wait for the loader."""
    batches = iter(module(records, batch_size=1, num_workers=workers).train_dataloader())
    next(batches)
    waited, started = 0.0, time.perf_counter()
    for _ in range(STEPS):
        time.sleep(STEP)
        before = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - before
    return waited / (time.perf_counter() - started)


def far_ahead() -> tuple[float, float]:
    """Seconds to build a mixture of 3.4 M rows; and from a checkpoint's state to the first batch at sample 3 M."""
    records = ManyRows()
    started = time.perf_counter()
    data = module(records, batch_size=16, num_workers=0)
    built = time.perf_counter() - started
    state = data.state_dict() | {"position": FAR}
    started = time.perf_counter()
    data.load_state_dict(state)
    batch = next(iter(data.train_dataloader()))
    assert batch.index[0] == FAR
    return built, time.perf_counter() - started


def main() -> None:
    torch.set_num_threads(1)
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.processor() or platform.machine()}, {cores} cores, torch {torch.__version__}\n")
    with tempfile.TemporaryDirectory() as folder:
        make_clips(Path(folder))
        records = ClipPairs(Path(folder))
        print("| workers | single readers, samples/s | loader, samples/s | ratio |\n|---:|---:|---:|---:|")
        for workers in (1, 2):
            rounds = [(readers(records, workers), loader(records, workers)) for _ in range(ROUNDS)]
            single, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = statistics.median(one / other for other, one in rounds)
            print(f"| {workers} | {single:.1f} | {ours:.1f} | {ratio:.3f} |", flush=True)
        print("\n| step | waiting for data |\n|---|---:|")
        shares = [waiting(records, workers) for workers in (1, 2)]
        for workers, share in zip((1, 2), shares, strict=True):
            print(f"| paper size, {STEP} s for one clip pair, workers: {workers} | {100 * share:.1f} % |", flush=True)
    torch.set_num_threads(cores)
    waits = [with_lightning("stage1")[1] for _ in range(ROUNDS)]
    print(f"| nano, `fit` of stage 1 | {100 * statistics.median(waits):.1f} % |")
    built, resumed = zip(*(far_ahead() for _ in range(ROUNDS)), strict=True)
    print("\n| mixture of 3.4 M rows in 32 groups | s |\n|---|---:|")
    print(f"| built | {statistics.median(built):.3f} |")
    print(f"| state restored, first batch at sample 3 M | {max(resumed):.3f} |")


if __name__ == "__main__":
    main()
