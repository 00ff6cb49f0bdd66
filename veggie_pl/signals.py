"""What SIGTERM and SIGHUP do to a command: it ends as after Ctrl-C, and says what ended it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import current_thread, main_thread
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end; files that are half-written are removed on the way, as after Ctrl-C."""


@contextmanager
def end_in_order() -> Iterator[list[signal.Signals]]:
    """While this lasts, SIGTERM and SIGHUP raise ``Stopped`` in the main thread.

    Yields:
        The signals that came.
    """
    came: list[signal.Signals] = []
    if current_thread() is not main_thread():
        yield came
        return
    own = os.getpid()

    def answer(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own:  # a process that works for this one ends at once
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        came.append(signal.Signals(number))
        raise Stopped(signal.Signals(number).name)

    # What is ignored stays so: nohup lives on after SIGHUP.
    before = {number: signal.getsignal(number) for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, answer)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def own_group(worker: int) -> None:
    """For processes that read data: signals to the group of the main process, as of Ctrl-C, are answered there alone.

    Otherwise they would end at once, and the step that is to be finished would lack its data.
    """
    os.setpgid(0, 0)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal; those started here inherit that they do not hear it."""
    resource_tracker.ensure_running()  # multiprocessing starts it with the first process, and unblocks signals then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
