"""A command whose offspring never ends is waited for no longer than itself."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.ended import run_to_end

CODE = """
import os, sys, time
print("said", flush=True)
child = os.fork()
if child == 0:
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
sys.exit(3)
"""


@pytest.mark.parametrize("outlasts", [True, False])
def test_nothing_outlives_it(tmp_path: Path, outlasts: bool) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path / "child"), "0" if outlasts else "600"]
    if outlasts:
        assert run_to_end(command, tmp_path, dict(os.environ)) == (3, "said\n")
    else:
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            run_to_end(command, tmp_path, dict(os.environ), 3)
        assert caught.value.output == b"said\n"
    child = Path("/proc", (tmp_path / "child").read_text())
    deadline = time.monotonic() + 60
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
