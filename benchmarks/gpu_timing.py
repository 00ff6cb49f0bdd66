"""How ``benchmarks.gpu`` times and says things; every row is printed as JSON when it is known."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu_model import clips
from veggie_pl.batch import Batch
from veggie_pl.module import VeggieModule
from veggie_pl.planning.counting import parts_of
from veggie_pl.planning.devices import GIB
from veggie_pl.planning.meter import Meter
from veggie_pl.training.precision import autocast

WARM, TIMED = 2, 4


def say(*cells: object) -> None:
    """One row of the table."""
    print(json.dumps([str(cell) for cell in cells]), flush=True)


def wait(device: str) -> None:
    """Until the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run: Callable[[], Any], device: str, times: int = TIMED, warm: int = WARM, in_a_row: int = 1) -> float:
    """Median seconds of a run, or of one of several that do not wait for each other; on a CPU once, to walk the way."""
    times, warm, in_a_row = (times, warm, in_a_row) if device == "cuda" else (1, 0, 1)
    clock = []
    for number in range(warm + times):
        wait(device)
        started = time.perf_counter()
        for _ in range(in_a_row):
            run()
        wait(device)
        if number >= warm:
            clock.append((time.perf_counter() - started) / in_a_row)
    return statistics.median(clock)


def trainer_step(module: VeggieModule, batch: Batch, device: str) -> Callable[[], None]:
    """Forward, backward and AdamW as `fit` does them, at no rate: gradients before and after can be compared."""
    learning = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, 0.0, fused=True)

    def step() -> None:
        with autocast(device):
            loss = module.per_sample_loss(batch, "fit").mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step


def gradients(module: VeggieModule, batch: Batch, device: str) -> list[Tensor]:
    """Of one loss, no step done."""
    with autocast(device):
        loss = module.per_sample_loss(batch, "fit").mean()
    loss.backward()  # type: ignore[no-untyped-call]
    found = [p.grad.float() for p in module.parameters() if p.grad is not None]
    module.zero_grad(set_to_none=True)
    return found


def off_by(found: list[Tensor], expected: list[Tensor]) -> float:
    """How far gradients are off, as a share of their norm."""
    size = torch.stack(torch._foreach_norm(expected)).norm()
    return float(torch.stack(torch._foreach_norm(torch._foreach_sub(found, expected))).norm() / size)


def flops_of(module: VeggieModule, step: Callable[[], None]) -> float:
    """Of a step, all that is computed, forward and backward; nothing may be compiled."""
    with Meter(module, parts_of(module)) as meter:
        step()
    return sum(cost.flops for cost in meter.costs.values())


def row(
    module: VeggieModule, name: str, batch: int, frames: int, device: str, flops: float | None = None
) -> float | None:
    """Measure one training step and say it; without enough memory, say that.

    Args:
        module: What learns.
        name: Of the row.
        batch: Samples.
        frames: Of a sample.
        device: Where.
        flops: Of a step, where they are known; they are counted if None.

    Returns:
        FLOPs of a step.
    """
    try:
        step = trainer_step(module, clips(module, batch, frames), device)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        step()
        wait(device)
        first = time.perf_counter() - started
        seconds = timed(step, device, warm=1)
        peak = torch.cuda.max_memory_allocated() / GIB if device == "cuda" else float("nan")
        flops = flops_of(module, step) if flops is None else flops
    except torch.OutOfMemoryError:
        say(name, f"{batch}, {frames}", "out of memory", "", "", "", f"> {torch.cuda.mem_get_info()[1] / GIB:.0f}", "")
    else:
        rates = (f"{seconds:.3f}", f"{batch / seconds:.2f}", f"{flops / 1e12:.1f}", f"{flops / seconds / 1e12:.0f}")
        say(name, f"{batch}, {frames}", *rates, f"{peak:.1f}", f"{first:.1f}")
    module.zero_grad(set_to_none=True)
    if device == "cuda":
        torch.cuda.empty_cache()
    return flops
