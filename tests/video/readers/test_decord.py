"""What is special about decord beside its frames, which the golden-frame tests look at."""

import gc
import os
import time
from pathlib import Path

import numpy as np
import pytest
from support.fake import write_fake

from veggie_pl.video.clip import ClipFile


def test_a_forked_process_does_not_wait_for_its_parents_reader(tmp_path: Path) -> None:
    """Loader processes are forked; a reader that the parent holds must not hang them when they collect garbage."""
    file = ClipFile(write_fake(tmp_path / "in.mp4", 10))
    first = file.frames(0, 1)
    assert file.reader == "decord"
    cycle = [file]
    cycle.append(cycle)  # only the garbage collector frees it
    process = os.fork()
    if process == 0:
        code = 1
        try:
            if np.array_equal(file.frames(0, 1), first) and file.reader == "pyav":
                del file, cycle
                gc.collect()
                code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 600  # only so that a hang ends
    while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(process, 9)
            os.waitpid(process, 0)
            pytest.fail("the forked process hangs")
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert len(file.frames()) == 10  # the parent's own reader goes on
