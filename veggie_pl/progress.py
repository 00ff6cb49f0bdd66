"""How far a command is: a bar in a terminal; elsewhere, as in a log file or under CI, a plain line a minute."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

log = logging.getLogger(__name__)
MINUTE = 60.0  # seconds between two lines
Number = int | float
Tell = Callable[[str, Number, Number | None], None]  # what is done, how much of it, and of how much if that is known


class Pace:
    """Knows when another line is due, and how long the rest will take.

    Args:
        seconds: Between two lines.
    """

    def __init__(self, seconds: Number = MINUTE) -> None:
        self.seconds = seconds
        self.began = self._said = time.monotonic()

    def due(self) -> bool:
        """Tell whether it is time for a line; then the next is due one interval later."""
        now = time.monotonic()
        if now - self._said < self.seconds:
            return False
        self._said = now
        return True

    def left(self, done: Number, total: Number) -> str:
        """Time left, such as ``0:12:40``, if the rest goes as fast as all since the beginning did."""
        return spoken((time.monotonic() - self.began) / done * (total - done)) if done else "?"


def spoken(seconds: Number) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def in_terminal() -> bool:
    """Tell whether standard error is a terminal, where bars are drawn; in a file each of their pictures would stay."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress(seconds: Number = MINUTE) -> Iterator[Tell]:
    """Show how far a command is, in the way that suits standard error.

    Args:
        seconds: Between two lines, where they are lines; what takes less leaves none.
    """
    if in_terminal():
        with _bars() as tell:
            yield tell
        return
    paces: dict[str, Pace] = {}

    def line(what: str, done: Number, total: Number | None) -> None:
        pace = paces.setdefault(what, Pace(seconds))
        if pace.due():
            log.info("%s", _line(what, done, total, pace))

    yield line


def _line(what: str, done: Number, total: Number | None, pace: Pace) -> str:
    if total is None:
        return f"{what}: {done:.0f}"
    far = f"{done / total:.0%}" if total <= 1 else f"{done:.0f}/{total:.0f} ({done / total:.0%})"
    return f"{what}: {far}, {pace.left(done, total)} left"


@contextmanager
def _bars() -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[count]}")
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def draw(what: str, done: Number, total: Number | None) -> None:
            count = "" if total is None or total <= 1 else f"{done:.0f}/{total:.0f}"
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, count=count)
            bar.update(tasks[what], completed=done, total=total, count=count)

        yield draw
