"""Silence about what decord raises, and about nothing else."""

import subprocess
import sys

SCRIPT = """
import io, os, subprocess, sys, threading
import av, decord
from veggie_pl.video.readers.hush import hush

decord.logging.set_level(decord.logging.FATAL)
inode = os.fstat(2)

def open_torn(number):
    for _ in range(30):
        try:
            with hush():
                decord.VideoReader(io.BytesIO(b"torn" * 4))
        except RuntimeError:
            pass

threads = [threading.Thread(target=open_torn, args=[number]) for number in range(4)]
for thread in threads:
    thread.start()
for number in range(300):
    print(f"said {number}", file=sys.stderr, flush=True)
subprocess.run(["sh", "-c", "echo a child >&2"])
for thread in threads:
    thread.join()
assert os.path.samestat(inode, os.fstat(2))
with hush():
    if (child := os.fork()) == 0:
        os._exit(0 if "forked" else 1)
    os.waitpid(child, 0)
print("all joined", file=sys.stderr, flush=True)
try:
    decord.VideoReader(io.BytesIO(b"aloud" * 4))  # without hush, it is heard again
except RuntimeError:
    pass
"""


def test_threads_that_hush_lose_nothing_of_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("said")] == [f"said {number}" for number in range(300)]
    assert lines.count("a child") == 1
    assert lines.count("all joined") == 1
    others = [line for line in lines if not line.startswith(("said", "a child", "all joined"))]
    assert len(others) == 1, others
    assert "ERROR opening: aloud" in others[0]
