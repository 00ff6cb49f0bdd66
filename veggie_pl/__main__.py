"""``python -m veggie_pl``."""

import atexit
import gc
import os
import sys

from veggie_pl.cli import main

READER_IS_GONE = 141  # what a shell calls a process that SIGPIPE ended

if __name__ == "__main__":
    atexit.register(gc.freeze)  # the process ends: looking through all its modules once more takes seconds
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:  # as of `| head`: no error of ours, and nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_IS_GONE)
