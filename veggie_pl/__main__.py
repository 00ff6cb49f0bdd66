"""``python -m veggie_pl``."""

import atexit
import gc

from veggie_pl.cli import main

if __name__ == "__main__":
    atexit.register(gc.freeze)  # the process ends: looking through all its modules once more takes seconds
    main()
