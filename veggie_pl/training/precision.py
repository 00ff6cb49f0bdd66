"""What to compute in: bfloat16 autocast where this machine multiplies faster in it, float32 elsewhere."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from veggie_pl.errors import UseError

log = logging.getLogger(__name__)

MIXED, FULL = "bf16-mixed", "32-true"  # Lightning's names
VARIABLE = "VEGGIE_PRECISION"  # an environment variable that takes the place of the choice, not of --trainer.precision
CAPABILITY = (8, 0)  # of CUDA: earlier GPUs only emulate bfloat16
CLEARLY = 1.5  # autocast's copies between the two types eat up a smaller gain
HOPELESS = 5.0  # so much slower that a longer look would tell nothing new
SMALL = 128  # side of the matrices of the first look
LONG = 0.01  # seconds of a float32 product of the second look
ROUNDS = 5


@dataclass(frozen=True)
class Choice:
    """What to compute in, and why.

    Args:
        precision: "bf16-mixed" or "32-true", as Lightning's Trainer takes it.
        reason: In half a sentence.
    """

    precision: str
    reason: str

    @property
    def mixed(self) -> bool:
        """Whether operations are cast to bfloat16."""
        return self.precision == MIXED

    @property
    def dtype(self) -> torch.dtype:
        """Of what matrix products are computed in."""
        return torch.bfloat16 if self.mixed else torch.float32

    def __str__(self) -> str:
        """Return one line."""
        return f"precision: {self.precision}, {self.reason}"


def best_precision(device: str, indices: Sequence[int] = ()) -> Choice:
    """Decide for a kind of device: CUDA by its capability, a CPU by measuring it, once a process.

    Args:
        device: As ``torch.device.type`` has it: "cpu", "cuda" or another, which is float32.
        indices: Which GPUs; none is all that can be seen. The oldest decides.

    Raises:
        UseError: If ``VEGGIE_PRECISION`` is set to something else than the two.
    """
    if forced := os.environ.get(VARIABLE):
        if forced not in (MIXED, FULL):
            raise UseError(f"{VARIABLE} is {forced!r}; the choices are {MIXED} and {FULL}")
        return Choice(forced, f"as the environment variable {VARIABLE} says")
    if device == "cuda" and torch.cuda.is_available():
        seen = indices or range(torch.cuda.device_count())
        return for_capability(min(torch.cuda.get_device_capability(index) for index in seen))
    if device == "cpu":
        return for_gain(cpu_gain())
    return Choice(FULL, f"as always on {device}")


def for_capability(capability: tuple[int, int]) -> Choice:
    """Decide for a GPU of this CUDA capability, such as (8, 0)."""
    named = f"CUDA capability {capability[0]}.{capability[1]}"
    if capability >= CAPABILITY:
        return Choice(MIXED, f"for this GPU computes in bfloat16 ({named})")
    return Choice(FULL, f"for this GPU does not compute in bfloat16 ({named})")


def for_gain(gain: float) -> Choice:
    """Decide for a CPU by how many times as fast as float32 it multiplies bfloat16."""
    if gain >= CLEARLY:
        return Choice(MIXED, f"for this CPU multiplies bfloat16 {gain:.1f} times as fast as float32")
    if gain > 1 / CLEARLY:
        return Choice(FULL, f"for this CPU multiplies bfloat16 no more than {gain:.1f} times as fast as float32")
    return Choice(
        FULL, f"for this CPU multiplies bfloat16 {min(1 / gain, HOPELESS):.1f} or more times slower than float32"
    )


@cache
def cpu_gain() -> float:
    """Tell how many times as fast as float32 this CPU multiplies bfloat16, on one thread; measured once a process.

    Processor time of this thread is what counts, the two types take turns and the best of each is kept: other work on
    the machine changes neither. A CPU without instructions for bfloat16 is known by a few small products, so that
    looking takes 0.02 s there and 0.1 s elsewhere.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        full, mixed = _best_seconds(SMALL)
        if mixed < HOPELESS * full:
            side = 64 * max(1, round(SMALL * (LONG / full) ** (1 / 3) / 64))
            full, mixed = _best_seconds(side)
        return full / mixed
    finally:
        torch.set_num_threads(threads)


def _best_seconds(side: int) -> tuple[float, float]:
    """Processor time of a product in float32 and in bfloat16, the best of several in turn."""
    full = torch.linspace(-1, 1, side * side).view(side, side)
    kinds = (full, full.bfloat16())
    for matrix in kinds:  # the first product also makes the kernel
        matrix @ matrix
    times = [[_seconds(lambda matrix=matrix: matrix @ matrix) for matrix in kinds] for _ in range(ROUNDS)]  # type: ignore[misc]
    return min(time[0] for time in times), min(time[1] for time in times)


def _seconds(run: Callable[[], Tensor]) -> float:
    started = time.thread_time()
    run()
    return max(time.thread_time() - started, 1e-9)


@cache
def _say(line: str) -> None:
    log.info("%s", line)


def autocast(device: str | torch.device) -> torch.autocast:
    """Compute in what is best on a device, where there is no Trainer to do it; the choice is logged once a process."""
    device = torch.device(device)
    choice = best_precision(device.type, () if device.index is None else (device.index,))
    _say(str(choice))
    return torch.autocast(device.type, torch.bfloat16, enabled=choice.mixed)
