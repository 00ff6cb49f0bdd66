"""Record tables of paper size: how long they take to open, how much memory they hold, how fast a row comes.

    python -m benchmarks.tables

writes a table of 3.4 million made-up rows (0.8 GB, in a temporary folder), then measures in a fresh process: time to
open the table and to group its rows, resident memory with all libraries loaded (groups and 2000 rows read, without the
batch), time of a random row, and time until the first batch of decoded images is there. Prints a markdown table. Files
are in the system's cache after writing; what a cold disk adds depends on the disk.
"""

import argparse
import json
import multiprocessing
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row
from veggie_pl.data.table.shards import PartWriter, TableInfo, TablePart, write_info
from veggie_pl.video.media import Media

ROWS = 3_400_000
PARTS = 64
BATCH = 8
IMAGES = 64  # files on disk; rows share them
BUCKETS = [(1, 512, 512), (1, 448, 576), (1, 576, 448)]
LIMITS = {"open_s": 2.0, "resident_mib": 500.0, "row_ms": 1.0, "first_batch_s": 5.0}


def made_up(numbers: range) -> Iterator[tuple[Row, tuple[int, int, int]]]:
    """Rows as of a list of edited pictures, with their headers."""
    skills = [skill for skill in Skill if not skill.is_painted]
    for number in numbers:
        source, target = Media(f"{number % IMAGES}.jpg"), Media(f"{(number + 1) % IMAGES}.jpg")
        words = f"replace the dog on the left of picture {number} with a somewhat larger cat"
        yield (
            Row(Example(f"made_up/train/{number:07d}", skills[number % 6], words), (source,), (target,)),
            (1, 480 + number % 3 * 80, 640 - number % 3 * 80),
        )


def write(folder: Path, rows: int) -> float:
    """The table and its pictures; seconds that rows took."""
    root = folder / "media"
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (IMAGES, 60, 80, 3), dtype=np.uint8)
    for number, picture in enumerate(noise):
        cv2.imwrite(str(root / f"{number}.jpg"), cv2.resize(picture, (640, 480)))
    started = time.perf_counter()
    parts: list[TablePart] = []
    bounds = np.linspace(0, rows, PARTS + 1).astype(int).tolist()
    for number in range(PARTS):
        with PartWriter(folder / f"rows-{number:05d}.arrow") as writer:
            for row, header in made_up(range(bounds[number], bounds[number + 1])):
                writer.write(row, *header)
        assert writer.part is not None
        parts.append(writer.part)
    write_info(folder, TableInfo(card="made_up", root=str(root), parts=tuple(part for part in parts if part.rows)))
    return time.perf_counter() - started


def measure(folder: Path) -> dict[str, float]:
    """What a process meets that opens the table: run in a fresh one."""
    import torch

    from veggie_pl.batch import collate
    from veggie_pl.data.streams import EditingStream
    from veggie_pl.data.table import TableRecords

    torch.set_num_threads(1)
    loaded = resident()
    started = time.perf_counter()
    records = TableRecords(str(folder), buckets=BUCKETS)
    records.table.row(len(records) // 2)
    opened = time.perf_counter()
    groups = records.groups()
    grouped = time.perf_counter()
    rows = next(iter(groups.values()))
    stream = EditingStream(records)
    held = resident()  # what follows is the batch itself
    collate([(i, stream[int(row)]) for i, row in enumerate(rows[:: max(len(rows) // BATCH, 1)][:BATCH])])
    batched = time.perf_counter()
    before, chosen = resident(), np.random.default_rng(0).integers(0, len(records), 2000).tolist()
    read = time.perf_counter()
    for number in chosen:
        records.table.row(number)
    seconds = time.perf_counter() - read
    return {
        "open_s": opened - started,
        "groups_s": grouped - opened,
        "first_batch_s": batched - started,
        "row_ms": 1e3 * seconds / len(chosen),
        "libraries_mib": loaded,
        "resident_mib": held + max(0.0, resident() - before),
    }


def resident() -> float:
    """MiB of this process that lie in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def report(rows: int, writing: float, size: float, found: dict[str, float]) -> str:
    """A markdown table."""
    lines = [
        f"{rows:,} rows, {size:.2f} GB; {platform.machine()}, Python {platform.python_version()}",
        "",
        "| | Measured | Wanted |",
        "|---|---:|---:|",
        f"| write a row | {1e6 * writing / rows:.0f} µs | |",
        f"| open the table, first row | {found['open_s']:.2f} s | ≤ {LIMITS['open_s']:.0f} s |",
        f"| group rows by bucket and skill | {found['groups_s']:.2f} s | |",
        f"| open until the first batch of {BATCH} pairs, 512x512 | {found['first_batch_s']:.2f} s | "
        f"≤ {LIMITS['first_batch_s']:.0f} s |",
        f"| random row, not decoded | {found['row_ms']:.3f} ms | < {LIMITS['row_ms']:.0f} ms |",
        f"| resident, libraries included, without the batch | {found['resident_mib']:.0f} MiB | "
        f"≤ {LIMITS['resident_mib']:.0f} MiB |",
        f"| of which libraries alone | {found['libraries_mib']:.0f} MiB | |",
    ]
    return "\n".join(lines)


def run(rows: int, repeats: int = 1) -> tuple[float, float, dict[str, float]]:
    """Seconds of writing, GB, and the median of each figure over fresh processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writing = write(folder, rows)
        size = sum(path.stat().st_size for path in folder.glob("*.arrow")) / 1e9
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            found = [pool.apply(measure, [folder]) for _ in range(repeats)]
    return writing, size, {key: float(np.median([one[key] for one in found])) for key in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes; the median is shown")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    writing, size, found = run(options.rows, options.repeats)
    print(report(options.rows, writing, size, found))
    if options.json:
        options.json.write_text(json.dumps({"rows": options.rows, "limits": LIMITS, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
