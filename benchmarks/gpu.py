"""What does one GPU do at paper size? Every figure of ``docs/BENCHMARKS.md`` that needs one, in eight minutes.

    python -m benchmarks.gpu [--device cuda] [--size real] [--only steps ...] [--output gpu.md]

Each part runs in a process of its own under a time limit and says each figure as soon as it is known; a part that runs
out of time or memory leaves what it had. Nothing is downloaded: the networks are those of the shipped config.json with
random weights made on the device. Where there is no GPU, ``--device cpu --size narrow`` walks the same ways.
"""

import argparse
import json
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {  # part -> seconds
    "machine": 45,
    "steps": 75,
    "compiled": 170,
    "inside": 90,
    "adapters": 120,
    "sampling": 110,
    "nano": 60,
}
STEP = ("batch, frames", "s", "samples/s", "TFLOP", "TFLOP/s", "peak GiB", "first step s")
HEADS = {  # part -> columns of its table
    "machine": ("what", "figure"),
    "steps": ("stage 1", *STEP),
    "compiled": ("stage 1, compiled", *STEP),
    "inside": ("inside a step of stage 1", "figure"),
    "adapters": ("stage 2, LoRA", *STEP),
    "sampling": ("8 frames, three guidance branches", "steps", "s", "ratio", "mean difference"),
    "nano": ("nano, stage 1", "pictures a step", "ms a step", "pictures/s"),
}
TITLE = "Measured by `python -m benchmarks.gpu`"


def lines_of(command: list[str], limit: float) -> Iterator[str]:
    """What a process prints, line by line as it comes; it is killed at the limit. The last line says how it ended."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []
    listening = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    listening.start()
    late = threading.Timer(limit, process.kill)
    late.start()
    try:
        yield from process.stdout
    finally:
        late.cancel()
        process.kill()  # does nothing to one that has ended
    code, took = process.wait(), time.monotonic() - started
    listening.join(5)
    if code == 0:
        yield f"# {took:.0f} s"
    elif took >= limit:
        yield f"# stopped at its limit of {limit:.0f} s"
    else:
        why = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
        yield f"# ended with {code} after {took:.0f} s: {why[:300]}"


def run(part: str, device: str, size: str, scale: float = 1.0) -> Iterator[str]:
    """The markdown of a part, line by line."""
    head = HEADS[part]
    yield "\n| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    command = [sys.executable, "-m", "benchmarks.gpu_parts", part, "--device", device, "--size", size]
    for line in lines_of(command, LIMITS[part] * scale):
        if line.startswith("["):
            yield "| " + " | ".join(json.loads(line)) + " |"
        elif line.startswith("#"):
            yield f"\n{part}: {line[1:].strip()}"


def main() -> None:
    """All parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--size", choices=["real", "narrow"], default="real")
    parser.add_argument("--only", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    parser.add_argument("--scale", type=float, default=1.0, help="times every time limit")
    parser.add_argument("--output", type=Path, help="also write the tables here, line by line")
    options = parser.parse_args()
    kept = options.output.open("w") if options.output else None
    for line in chain([f"{TITLE}, {platform.platform()}"], all_parts(options)):
        print(line, flush=True)
        if kept is not None:
            print(line, file=kept, flush=True)


def all_parts(options: argparse.Namespace) -> Iterator[str]:
    """The markdown of the parts asked for."""
    for part in options.only:
        yield from run(part, options.device, options.size, options.scale)


if __name__ == "__main__":
    main()
