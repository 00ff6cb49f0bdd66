"""The data side in figures: reading clips, opening tables, feeding a loader. One command, markdown.

    python -m benchmarks.data [--only reader tables loader]

Each part runs in a process of its own, so that none is measured with what another left in memory.
"""

import argparse
import subprocess
import sys
from pathlib import Path

PARTS = ("reader", "tables", "loader")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    for part in parser.parse_args().only:
        print(f"\n## benchmarks.{part}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=True, cwd=Path(__file__).parent.parent)


if __name__ == "__main__":
    main()
