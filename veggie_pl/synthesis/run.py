"""Lifts a table in this process or in several: the same steps, the same store, the same ends."""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from veggie_pl.data.workers import limit_threads
from veggie_pl.signals import interrupts_held
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.steps import Task

AT_ONCE = 2  # items that a process holds: one is worked on, the next one waits
TRIES = 3  # of an item over which processes die
VISIBLE = "CUDA_VISIBLE_DEVICES"


def lift_here(lifter: Lifter, numbers: Iterable[int]) -> Iterator[Outcome]:
    """Lift rows one after another."""
    for number in numbers:
        outcome = lifter.lift(number)
        assert outcome is not None
        yield outcome


def lift_in_processes(task: Task, lifter: Lifter, numbers: Sequence[int], workers: int) -> Iterator[Outcome]:
    """Lift rows in processes of their own, in the order in which they end; what is known needs none.

    A process that dies, killed or out of memory, is replaced; its item is tried again, and fails if that happens
    ``TRIES`` times. Each process has a GPU of its own, where there are any, taking turns.

    Args:
        task: What to do.
        lifter: Of this process, for what is known.
        numbers: Rows.
        workers: Processes, at least 1.

    Raises:
        StoreError: If the store cannot be written to.
    """
    rest: deque[int] = deque()
    for number in numbers:
        if (known := lifter.known(number)) is not None:
            yield known
        else:
            rest.append(number)
    hands = [_Hand(task, place) for place in range(min(workers, len(rest)))]
    deaths: Counter[int] = Counter()
    try:
        while rest or any(hand.jobs for hand in hands):
            for hand in hands:
                while rest and len(hand.jobs) < AT_ONCE:
                    hand.give(rest.popleft())
            wait([future for hand in hands for _, future in hand.jobs], return_when=FIRST_COMPLETED)
            for hand in hands:
                while hand.jobs and hand.jobs[0][1].done():
                    number, future = hand.jobs.popleft()
                    try:
                        yield Outcome.unpacked(future.result())
                    except BrokenProcessPool:
                        deaths[number] += 1
                        back = [number] if deaths[number] < TRIES else []
                        rest.extendleft(reversed([*back, *(other for other, _ in hand.jobs)]))
                        hand.replace()
                        if not back:
                            said = f"the process that worked on it died, {TRIES} times"
                            yield Outcome(number, lifter.stills.key(number), "failed", "process", said)
    finally:
        for hand in hands:
            hand.stop()


class _Hand:
    """One process: when it dies, it is known over what."""

    def __init__(self, task: Task, place: int) -> None:
        self.task, self.place = task, place
        self.jobs: deque[tuple[int, Future[str]]] = deque()
        self._pool = self._new()

    def give(self, number: int) -> None:
        with interrupts_held():
            try:
                self.jobs.append((number, self._pool.submit(_lift, number)))
            except BrokenProcessPool:  # it died while it was idle
                self._pool = self._new()
                self.jobs.append((number, self._pool.submit(_lift, number)))

    def replace(self) -> None:
        self.jobs.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._new()

    def stop(self) -> None:
        running = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in running:  # what it works on is not kept, as if it had been killed
            process.terminate()

    def _new(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("forkserver")  # CUDA cannot be used after a fork of this process
        context.set_forkserver_preload(["veggie_pl.synthesis.lifter"])  # so that processes start at once
        return ProcessPoolExecutor(1, context, _begin, (self.task, self.place))


_own: dict[str, Lifter] = {}  # of a process that works for another one
_given: list[Task] = []


def _begin(task: Task, place: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _take_gpu(place)
    limit_threads()
    _given.append(task)


def _end_with(parent: BaseProcess) -> None:
    """End when the main process does, even if it was killed: nobody would take what is made."""
    parent.join()
    os._exit(1)


def _take_gpu(place: int) -> None:
    import torch

    visible = os.environ.get(VISIBLE, "")
    names = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
    if names:
        os.environ[VISIBLE] = names[place % len(names)]


def _lift(number: int) -> str:
    if "lifter" not in _own:  # here, and not when the process starts, so that its errors are told
        _own["lifter"] = Lifter(_given[0])
    outcome = _own["lifter"].lift(number)
    assert outcome is not None
    return outcome.packed()
