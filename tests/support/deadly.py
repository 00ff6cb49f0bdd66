"""What decoders do to a process when a file is made for it: die, hang, eat memory. Used in processes of their own."""

import ctypes
import time
from pathlib import Path

from veggie_pl.check.examine import Finding
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesRecords

GIB = 2**30


def do(what: str) -> None:
    """It."""
    if what == "crash":
        ctypes.string_at(0)  # reads address zero: a segmentation fault
    elif what == "hang":
        time.sleep(600)
    elif what == "eat":
        bytearray(8 * GIB)
    elif what == "fail":
        raise ValueError("some library's own\nlong story")


def examine_deadly(folder: str, row: int, quick: bool) -> Finding:
    """Rows 0, 1, ... in the place of ``examine_row``."""
    whats = ("fine", "crash", "hang", "eat", "fail", "fine", "crash", "fine")
    do(whats[row % len(whats)])
    return Finding(source=row)


class DeadlyRecords(ShapesRecords):
    """Moving Shapes, one of which does it, after it has made the file ``told``."""

    def __init__(self, what: str, number: int = 60, told: str | None = None) -> None:
        super().__init__("train", num_frames=8, skills={"grounding": 1.0})
        self.what, self.number, self.count, self.told = what, number, 0, told

    def __getitem__(self, index: int) -> Record:
        self.count += 1
        if self.count > self.number:
            if self.told is not None:
                Path(self.told).touch()  # now
            do(self.what)
        return super().__getitem__(index)
