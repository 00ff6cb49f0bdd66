"""What does the length of a clip cost? Peak memory and time a frame of `edit`, beside those of eight frames.

    python -m benchmarks.long_clip_cost [--lengths 8 64 1024] [--ways blended ...] [--overlap 1] [--keep background]

Each length is edited in a process of its own, after a first edit of eight frames that is not timed, from .mp4 to .mp4
of 64 x 64 pixels. Prints the table of ``docs/LONG_CLIPS.md``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import numpy as np

from veggie_pl.inference.edit_files import EditFiles
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LONG, LongClips
from veggie_pl.keeping import Keep
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import to_clip, to_frames
from veggie_pl.video.writer import ClipWriter

MODEL = Path(__file__).resolve().parent.parent / "weights/nano/model"
SHORT, SIDE = 8, 64


def write_clip(path: Path, num_frames: int) -> Path:
    """Write a square that goes to and fro over a gradient."""
    x = np.linspace(20, 140, SIDE)[None, :, None]
    frame = np.broadcast_to(x, (SIDE, SIDE, 3)).astype(np.uint8)
    with ClipWriter(path, 8.0) as writer:
        for number in range(num_frames):
            picture = frame.copy()
            left = abs(number % 80 - 40)
            picture[24:40, left : left + 16] = (250, 40, 40)
            writer.write(to_frames(to_clip(picture[None])))
    return path


def measure(way: str, overlap: int | None, num_frames: int, model: Path, keep: Keep) -> dict[str, float]:
    """Edit a clip in this process; give its seconds a frame and the peak memory of the process in MiB."""
    editor = Editor(load_model(model), keep=keep, long=LongClips(way, overlap=overlap))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as name:
        folder, seconds = Path(name), 0.0
        for count in (SHORT, num_frames):
            source = write_clip(folder / f"in{count}.mp4", count)
            started = time.process_time()
            editor.edit_file(EditFiles(source, folder / f"out{count}.mp4"), "add a red circle on the left")
            seconds = time.process_time() - started
    return {"seconds": seconds / num_frames, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[SHORT, 64, 1024], help="frames")
    parser.add_argument("--ways", nargs="+", choices=LONG, default=list(LONG))
    parser.add_argument("--overlap", type=int, help="frames, as of edit")
    parser.add_argument("--keep", choices=get_args(Keep), default="nothing")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--here", action="store_true", help="one length and way in this process, as JSON")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.ways[0], options.overlap, options.lengths[0], options.model, options.keep)))
        return
    print("| way | frames | ms a frame | ratio | peak memory, MiB | ratio |\n|---|---:|---:|---:|---:|---:|")
    for way in options.ways:
        first = None
        for length in options.lengths:
            command = [
                sys.executable,
                "-m",
                "benchmarks.long_clip_cost",
                "--here",
                "--ways",
                way,
                "--keep",
                options.keep,
            ]
            command += ["--lengths", str(length), "--model", str(options.model)]
            command += [] if options.overlap is None else ["--overlap", str(options.overlap)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            first = first or row
            ratios = [row[name] / first[name] for name in ("seconds", "mib")]
            values = f"{1000 * row['seconds']:.0f} | {ratios[0]:.2f} | {row['mib']:.0f} | {ratios[1]:.2f}"
            print(f"| {way} | {length} | {values} |", flush=True)


if __name__ == "__main__":
    main()
