"""The parts of ``benchmarks.gpu``, each run in a process of its own; every row is printed as JSON when it is known."""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from benchmarks import gpu_edit, gpu_nano
from benchmarks.gpu_model import ROOT, SIZES, build, clips
from veggie_pl.batch import Batch
from veggie_pl.module import VeggieModule
from veggie_pl.planning.devices import GIB, GPUS
from veggie_pl.planning.meter import Meter
from veggie_pl.planning.predict import parts_of
from veggie_pl.training.precision import autocast, best_precision

WARM, TIMED = 2, 4


def say(*cells: object) -> None:
    """One row of the table."""
    print(json.dumps([str(cell) for cell in cells]), flush=True)


def wait(device: str) -> None:
    """Until the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run: Callable[[], Any], device: str, times: int = TIMED, warm: int = WARM) -> float:
    """Median seconds; on a CPU once, to walk the way."""
    times, warm = (times, warm) if device == "cuda" else (1, 0)
    clock = []
    for number in range(warm + times):
        wait(device)
        started = time.perf_counter()
        run()
        wait(device)
        if number >= warm:
            clock.append(time.perf_counter() - started)
    return statistics.median(clock)


def trainer_step(module: VeggieModule, batch: Batch, device: str) -> Callable[[], None]:
    """Forward, backward and AdamW as `fit` does them."""
    learning = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, 1e-5, fused=True)

    def step() -> None:
        with autocast(device):
            loss = module.per_sample_loss(batch, "fit").mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step


def flops_of(module: VeggieModule, step: Callable[[], None]) -> float:
    """Of a step, all that is computed, forward and backward."""
    with Meter(module, parts_of(module), GPUS["h100"]) as meter:
        step()
    return sum(cost.flops for cost in meter.costs.values())


def row(module: VeggieModule, name: str, batch: int, frames: int, device: str) -> None:
    """Measure one training step and say it; without enough memory, say that."""
    try:
        step = trainer_step(module, clips(module, batch, frames), device)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds = timed(step, device)
        peak = torch.cuda.max_memory_allocated() / GIB if device == "cuda" else float("nan")
        flops = flops_of(module, step)
    except torch.OutOfMemoryError:
        say(name, f"{batch}, {frames}", "out of memory", "", "", "", f"> {torch.cuda.mem_get_info()[1] / GIB:.0f}")
    else:
        rates = (f"{seconds:.3f}", f"{batch / seconds:.2f}", f"{flops / 1e12:.1f}", f"{flops / seconds / 1e12:.0f}")
        say(name, f"{batch}, {frames}", *rates, f"{peak:.1f}")
    module.zero_grad(set_to_none=True)
    if device == "cuda":
        torch.cuda.empty_cache()


def machine(device: str, size: str) -> None:
    """What the hardware does with large operations."""
    say("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    say("device", torch.cuda.get_device_name() if device == "cuda" else torch.backends.cpu.get_cpu_capability())
    say("precision", best_precision(device))
    side = 8192 if size == "real" else 512
    square = torch.randn(side, side, dtype=torch.bfloat16, device=device)
    say(f"bf16 product of {side}", f"{2 * side**3 / timed(lambda: square @ square, device) / 1e12:.1f} TFLOP/s")
    block = torch.empty(2**30 if size == "real" else 2**20, dtype=torch.uint8, device=device)
    say("copy", f"{2 * block.numel() / timed(lambda: block.clone(), device) / 1e9:.0f} GB/s")


def steps(device: str, size: str) -> None:
    """Stage 1."""
    module = build(size, device)
    plain = "straightforward"
    prefix = "frozen prefix"
    for name, batch, frames in (
        (plain, 4, 1),
        (prefix, 4, 1),
        (prefix, 16, 1),
        (plain, 1, 8),
        (prefix, 1, 8),
        ("frozen prefix, UNet checkpointed", 1, 8),
        (plain, 2, 8),
        (prefix, 2, 8),
        (prefix, 4, 8),
    ):
        module.mllm.frozen_prefix = name != plain
        unet = module.viddm.unet
        (unet.enable_gradient_checkpointing if "checkpointed" in name else unet.disable_gradient_checkpointing)()
        row(module, name, batch, frames, device)


def adapters(device: str, size: str) -> None:
    """Stage 2 with LoRA."""
    module = build(size, device, video=True, lora=True)
    for name, batch in (("MLLM checkpointed", 1), ("MLLM checkpointed", 2), ("not checkpointed", 2)):
        module.mllm.gradient_checkpointing = name == "MLLM checkpointed"
        row(module, name, batch, 8, device)


def inside(device: str, size: str) -> None:
    """Where a step of stage 1 goes: parts one by one, what waits for the device, kernels."""
    module = build(size, device)
    batch = clips(module, 2, 8)
    say("batch", "2 clips of 8 frames")
    frame_index = torch.arange(8, device=batch.source.device).expand(2, -1)
    with torch.no_grad(), autocast(device):
        hidden = module.mllm(batch.source, batch.instruction, module.queries(frame_index), frame_index)
        tokens = module.aligner(hidden)
        latents = module.vae.encode_source(batch.source)
        ask = module.queries(frame_index)
        seen = timed(lambda: module.mllm(batch.source, batch.instruction, ask, frame_index), device)
        say("MLLM forward, no graph", f"{seen * 1e3:.0f} ms")
        encode = timed(lambda: module.vae.encode_source(batch.source), device)
        say("codec, one encoding", f"{encode * 1e3:.0f} ms")
    timestep = torch.zeros(2, device=batch.source.device)

    def paint() -> None:
        with autocast(device):
            predicted = module.predict(latents, latents, timestep, tokens)
        predicted.float().mean().backward()  # type: ignore[no-untyped-call]
        module.zero_grad(set_to_none=True)

    say("UNet forward and backward", f"{timed(paint, device) * 1e3:.0f} ms")
    step = trainer_step(module, batch, device)
    say("whole step", f"{timed(step, device) * 1e3:.0f} ms")
    if device != "cuda":
        return
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step()
    torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in caught if "synchroniz" in str(warning.message)]
    say("synchronisations a step", len(waits))
    for place in sorted({f"{warning.filename.split('site-packages/')[-1]}:{warning.lineno}" for warning in waits}):
        say("one at", place.removeprefix(f"{ROOT}/"))
    kinds = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds) as profile:
        step()
        wait(device)
    kernels = [event for event in profile.events() if event.device_type.name == "CUDA"]
    say("kernels a step", len(kernels))
    total: dict[str, float] = {}
    for event in kernels:
        total[event.name] = total.get(event.name, 0.0) + event.time_range.elapsed_us() / 1e3
    for name in sorted(total, key=lambda name: -total[name])[:14]:
        say(name[:90].replace("|", "/"), f"{total[name]:.1f} ms")


PARTS = {
    "machine": machine,
    "steps": steps,
    "inside": inside,
    "adapters": adapters,
    "sampling": gpu_edit.sampling,
    "nano": gpu_nano.nano,
}


def main() -> None:
    """One part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--device", required=True)
    parser.add_argument("--size", choices=list(SIZES), required=True)
    options = parser.parse_args()
    PARTS[options.part](options.device, options.size)


if __name__ == "__main__":
    main()
