"""The page of `python -m veggie_pl app` in a process of its own."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.starts import Start, Starts

START = 300  # seconds, on machines with other work


@dataclass(frozen=True)
class Served:
    """A page that is served."""

    address: str
    root: Path  # of all its files
    log: Path
    process: Start

    def files(self) -> list[Path]:
        """What it has on the disk, but for its examples."""
        found = [Path(folder, name) for folder, _, names in os.walk(self.root) for name in names]
        return [path for path in found if path.name != "example.mp4"]

    def wait_until(self, count: int, seconds: float = 20) -> list[Path]:
        """Return its files when there are at most so many."""
        end = time.monotonic() + seconds
        while len(files := self.files()) > count and time.monotonic() < end:
            time.sleep(0.1)
        return files


@contextmanager
def served(starts: Starts, folder: Path, *args: str) -> Iterator[Served]:
    """Serve a page while this lasts; its files go below a folder."""
    log = folder / "log"
    with starts.start(["app", "--files", str(folder), *args], log, session=True) as process:
        end = time.monotonic() + START
        while (found := re.search(r"the page is at (\S+?);", log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        (root,) = folder.glob("veggie_app_*")
        yield Served(found[1], root, log, process)
        process.send_signal(signal.SIGINT)
        process.wait(30)
