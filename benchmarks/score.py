"""How long `score` takes on the embedded bench: the first run, a run from what it kept, and memory by the clip.

    python -m benchmarks.score

Outputs are the sources themselves, as .mp4 files, of which every measure but the experts' is computed.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, ALL = 25, 200  # clips of each skill


def score(outputs: Path, store: Path, report: Path, per_skill: int) -> tuple[float, float]:
    """Run the command; return its wall time in seconds, and its peak memory in GiB."""
    command = [sys.executable, "-m", "veggie_pl", "score", "--bench", "shapes", "--outputs", str(outputs)]
    command += ["--store", str(store), "-o", str(report), "--per_skill", str(per_skill)]
    start = time.perf_counter()
    measured = [sys.executable, "-c", _MEASURED, *command]
    done = subprocess.run(measured, capture_output=True, text=True, check=True)
    found = re.search(r"^peak (\d+)$", done.stdout, re.M)
    assert found is not None, done.stdout
    return time.perf_counter() - start, int(found[1]) / 2**20


_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def edits(folder: Path, report: Path) -> None:
    """Write the sources of all examples as outputs."""
    command = [sys.executable, "-m", "veggie_pl", "test", "--model.baseline", "copy", "--edits.folder", str(folder)]
    command += ["--data.num_test", str(ALL), "--evaluate.output", str(report), "--trainer.logger", "false"]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Measure, and print one line each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        edits(folder / "copy", folder / "test")
        print(f"outputs written: {sum(1 for _ in (folder / 'copy').rglob('*.mp4'))}")
        _, few = score(folder / "copy", folder / "few", folder / "r0", FEW)
        first, many = score(folder / "copy", folder / "all", folder / "r1", ALL)
        second, _ = score(folder / "copy", folder / "all", folder / "r2", ALL)
        same = [json.loads((folder / one / "report.json").read_text())["results"] for one in ("r1", "r2")]
        print(f"first run, 8 x {ALL} clips: {first:.1f} s; again: {second:.1f} s, {first / second:.1f}x faster")
        print(f"same numbers: {same[0] == same[1]}")
        print(f"peak memory: {few:.2f} GiB for 8 x {FEW} clips, {many:.2f} GiB for 8 x {ALL}")


if __name__ == "__main__":
    main()
