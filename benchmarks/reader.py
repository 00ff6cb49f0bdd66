"""How fast are clips read? Our reader with all its checks against raw decord, on the same accesses.

    python -m benchmarks.reader

A clip of 300 frames, 256x256, H.264, is written once. Each round opens it anew on both sides, as a loader does; rounds
alternate, so that a machine that slows down slows both. Times are of the processor, all threads together (each side
decodes with one), and of the best round, so that neighbours on a shared machine count little; wall-clock ratios stand
beside them. Above 1 ours is faster. PyAV is the second reader, which also reads what decord gets wrong. Prints a
markdown table.
"""

import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import decord
import numpy as np
import torch

from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipFile
from veggie_pl.video.writer import ClipWriter

FRAMES, SIDE, ROUNDS = 300, 256, 15
Read = Callable[[Path, Sequence[int]], Any]


def write(path: Path) -> None:
    """Blocks that drift over a gradient under a little noise: neither still nor incompressible."""
    rng = numpy_rng("benchmark", "reader")
    gradient = np.linspace(30, 200, SIDE)[None, :, None] + np.linspace(-20, 20, SIDE)[:, None, None] * [1, 0, -1]
    with ClipWriter(path, 30.0) as writer:
        for number in range(FRAMES):
            frame = np.roll(gradient, 2 * number, 1) + rng.normal(0, 3, (SIDE, SIDE, 1))
            x = (3 * number) % (SIDE - 64)
            frame[96:160, x : x + 64] = (220, 60, 60)
            writer.write(frame.clip(0, 255).astype(np.uint8)[None])


def ours(path: Path, numbers: Sequence[int]) -> Any:
    return ClipFile(path).at(numbers)


def pyav(path: Path, numbers: Sequence[int]) -> Any:
    return ClipFile(path, strict=True).at(numbers)


def raw(path: Path, numbers: Sequence[int]) -> Any:
    return decord.VideoReader(str(path), num_threads=1).get_batch(list(numbers)).asnumpy()


def one_by_one(read: Read) -> Read:
    """Ten clips opened for one frame each."""
    return lambda path, numbers: [read(path, [number]) for number in numbers]


def main() -> None:
    torch.set_num_threads(1)
    uniform = [int(number) for number in np.linspace(0, FRAMES - 1, 8).round()]
    random = [int(number) for number in numpy_rng("benchmark", "reader", "random").integers(FRAMES, size=10)]
    patterns: dict[str, tuple[Sequence[int], Callable[[Read], Read]]] = {
        "8 uniform frames": (uniform, lambda read: read),
        "all frames in sequence": (range(FRAMES), lambda read: read),
        "one random frame, 10 times": (random, one_by_one),
    }
    print(f"{platform.machine()}, decord {decord.__version__}, PyAV {av.__version__}, one thread each\n")
    print("| access | raw decord ms | ours ms | PyAV alone ms | decord / ours | decord / PyAV | wall: decord / ours |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write(path)
        for name, (numbers, how) in patterns.items():
            took: dict[Read, list[tuple[float, float]]] = {raw: [], ours: [], pyav: []}
            assert np.array_equal(how(raw)(path, numbers), how(ours)(path, numbers))
            for _ in range(ROUNDS):
                for read, seconds in took.items():
                    started, wall = time.process_time(), time.perf_counter()
                    how(read)(path, numbers)
                    seconds.append((time.process_time() - started, time.perf_counter() - wall))
            base, own, second = (1000 * min(busy for busy, _ in took[read]) for read in (raw, ours, pyav))
            walls = min(wall for _, wall in took[raw]) / min(wall for _, wall in took[ours])
            ratios = f"{base / own:.2f} | {base / second:.2f} | {walls:.2f}"
            print(f"| {name} | {base:.1f} | {own:.1f} | {second:.1f} | {ratios} |")


if __name__ == "__main__":
    main()
