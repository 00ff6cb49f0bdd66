"""How many pairs a second the embedded route of synthesis makes, and what the engine adds to the steps' own time.

    python -m benchmarks.synthesis_speed [--rows 200] [--workers 2] [--engine process]

Pictures of 256 x 256 become clips of 8 frames by ``conf/synthesis/embedded.yaml``, encoding included. The clock starts
when the processes are there, which takes some seconds whatever they are to do. The engine's overhead is what one
process needs beyond the steps' own time: reading pictures, the four steps, encoding.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.files import CONF
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.on_ray import lift_on_ray
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.run import lift_here, lift_in_processes
from veggie_pl.synthesis.steps import KINDS, Task
from veggie_pl.video.media import Media

SIDE = 256
CONFIG = CONF / "synthesis/embedded.yaml"


def write_pictures(folder: Path, rows: int) -> Path:
    """Write scenes of soft shapes and grain, and the same with one more thing in them; return their table."""
    found = []
    for number in range(rows):
        rng = np.random.default_rng(number)
        rough = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
        scene = cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        source = np.clip(scene + rng.integers(-6, 7, scene.shape), 0, 255).astype(np.uint8)
        target = source.copy()
        center = tuple(int(place) for place in rng.integers(60, SIDE - 60, 2))
        color = tuple(int(level) for level in rng.integers(0, 255, 3))
        cv2.circle(target, center, int(rng.integers(25, 55)), color, -1, cv2.LINE_AA)
        for name, picture in (("a", source), ("b", target)):
            cv2.imwrite(str(folder / f"{number}{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        example = Example(f"speed/train/{number}", Skill.ADDITION, "Add a disc.", phrase="disc")
        found.append(Row(example, (Media(f"{number}a.jpg"),), (Media(f"{number}b.jpg"),)))
    write_table(folder / "train", found, TableInfo(card="speed", root=str(folder), licence="CC0-1.0"))
    return folder / "train"


def task_of(table: Path, store: Path) -> Task:
    """The shipped config, over this table."""
    words: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return Task(str(table), {step: words[step] for step in KINDS}, str(store), size=(SIDE, SIDE))


def overhead(table: Path, store: Path, rows: int) -> tuple[float, float, float]:
    """Lift in this process; return seconds, seconds of the steps themselves, and seconds of the processor."""
    lifter = Lifter(task_of(table, store))
    lifter.lift(0)  # what is loaded late
    start, busy = time.perf_counter(), time.process_time()
    ends = list(lift_here(lifter, range(1, rows)))
    wall, busy = time.perf_counter() - start, time.process_time() - busy
    print_steps(ends)
    return wall, sum(sum(one.seconds.values()) for one in ends), busy


def rate(table: Path, store: Path, rows: int, workers: int, engine: str) -> tuple[float, int]:
    """Lift in several processes; return seconds from the end of the first items on, and the items after them."""
    task = task_of(table, store)
    lifter = Lifter(task)
    lifting = (
        lift_on_ray(task, lifter, range(rows), workers, {})
        if engine == "ray"
        else lift_in_processes(task, lifter, range(rows), workers)
    )
    first = 4 * workers
    start = 0.0
    for done, _ in enumerate(lifting, 1):
        if done == first:
            start = time.perf_counter()
    return time.perf_counter() - start, rows - first


def again(table: Path, store: Path, rows: int) -> float:
    """Go through what is known; return seconds an item."""
    lifter = Lifter(task_of(table, store))
    start = time.perf_counter()
    assert all(lifter.known(number) is not None for number in range(rows))
    return (time.perf_counter() - start) / rows


def print_steps(ends: list[Outcome]) -> None:
    """Print milliseconds of each step."""
    names = dict.fromkeys(name for one in ends for name in one.seconds)
    means = {name: np.mean([one.seconds.get(name, 0.0) for one in ends]) * 1e3 for name in names}
    print("ms a pair: " + ", ".join(f"{name} {mean:.1f}" for name, mean in means.items()))


def main() -> None:
    """Measure, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", choices=("process", "ray"), default="process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_pictures(folder, options.rows)
        cv2.setNumThreads(0)
        wall, own, busy = overhead(table, folder / "one", options.rows)
        one, free = (options.rows - 1) / wall, (options.rows - 1) / busy
        print(f"one process: {one:.1f} pairs/s, {free:.1f} a second of a core that does nothing else")
        print(f"engine's overhead: {wall / own - 1:.1%} of the steps' own time")
        seconds, items = rate(table, folder / "many", options.rows, options.workers, options.engine)
        many = items / seconds
        print(f"{options.workers} of {options.engine}: {many:.1f} pairs/s, {many / one / options.workers:.2f}x a core")
        print(f"going on from what is done: {again(table, folder / 'one', options.rows) * 1e3:.2f} ms an item")


if __name__ == "__main__":
    main()
