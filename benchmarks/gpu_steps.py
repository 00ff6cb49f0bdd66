"""Training steps of ``benchmarks.gpu``: stage 1 as it is and compiled, stage 2, and where a step goes."""

import copy
import time
import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch._functorch.config
from torch import Tensor

from benchmarks.gpu_model import ROOT, build, clips
from benchmarks.gpu_timing import flops_of, gradients, off_by, row, say, timed, trainer_step, wait
from veggie_pl.batch import Batch, ClipNames
from veggie_pl.models.features import FeatureCache
from veggie_pl.models.reading import Again
from veggie_pl.models.regions import compile_regions
from veggie_pl.module import VeggieModule
from veggie_pl.training.precision import autocast

BACKEND = {"cuda": "inductor", "cpu": "eager"}  # a CPU walks the way, and no compiler of C++ has to be there
PLAIN, PREFIX, COMPILED = "straightforward", "frozen prefix", "frozen prefix, compiled by region"


def at(size: str, batch: int, frames: int) -> tuple[int, int]:
    """Samples and frames of a step; the narrow form walks the same ways with one short clip."""
    return (batch, frames) if size == "real" else (1, 2)


def steps(device: str, size: str) -> None:
    """Stage 1, nothing compiled."""
    module = build(size, device)
    for name, batch, frames in (
        (PLAIN, 4, 1),
        (PREFIX, 4, 1),
        (PLAIN, 2, 8),
        (PREFIX, 2, 8),
        ("frozen prefix, UNet checkpointed selectively", 2, 8),
        (PREFIX, 4, 8),
    ):
        module.mllm.frozen_prefix = name != PLAIN
        if "selectively" in name:
            module.viddm.checkpoint_gradients(selective=True)
        else:
            module.viddm.unet.disable_gradient_checkpointing()
        row(module, name, *at(size, batch, frames), device)


def compiled(device: str, size: str) -> None:
    """Stage 1 with every part compiled by region; then with what caches would give."""
    module = build(size, device)
    pair, pictures, four = at(size, 2, 8), at(size, 4, 1), at(size, 4, 8)
    batch = clips(module, *pair)
    expected = gradients(module, batch, device)
    counted = {shape: _flops(module, *shape, device) for shape in {pair, pictures}}
    for part in (module.mllm, module.viddm, module.vae):
        compile_regions(part, backend=BACKEND[device])
    say("compiled from here on", "", "", "", "", "", "", "")
    started = time.perf_counter()
    error = off_by(gradients(module, batch, device), expected)
    took = time.perf_counter() - started
    say("the first gradients, with what the compiler takes", "{}, {}".format(*pair), *[""] * 5, f"{took:.0f}")
    del expected
    row(module, f"{COMPILED} (gradients off by {100 * error:.2f} %)", *pair, device, counted[pair])
    undo = at_hand(module, batch, device)
    row(module, "the same, latents and features at hand", *pair, device, counted[pair])
    undo()
    if device != "cuda":
        return  # what follows goes the same ways with other sizes
    module.mllm.frozen_prefix = False
    row(module, "straightforward, compiled by region", *pictures, device, counted[pictures])
    module.mllm.frozen_prefix = True
    row(module, COMPILED, *pictures, device, counted[pictures])
    undo = at_hand(module, clips(module, *pictures), device)
    row(module, "the same, latents and features at hand", *pictures, device, counted[pictures])
    undo()
    row(module, COMPILED, *four, device, 2 * counted[pair])


def _flops(module: VeggieModule, batch: int, frames: int, device: str) -> float:
    return flops_of(module, trainer_step(module, clips(module, batch, frames), device))


def at_hand(module: VeggieModule, batch: Batch, device: str) -> Any:
    """Put what caches hold of a batch in the place of codec and vision tower, at no cost; what comes back undoes it."""
    assert batch.target is not None
    with torch.no_grad(), autocast(device):
        generators = [torch.Generator(device).manual_seed(row) for row in range(len(batch))]
        latents = module.vae.encode_both(batch.source, batch.target, generators)
        seen = module.mllm.vision_inputs(batch.source)
        base = module.mllm.model.base_model
        made = base.get_video_features(**seen, return_dict=True)
    features = _Features(module.mllm.vision.part, made)
    module.vae.encode_both = lambda *asked: latents
    module.mllm.features = features

    def undo() -> None:
        del module.vae.encode_both
        module.mllm.features = None

    return undo


class _Features(FeatureCache):
    """Stands where ``FeatureCache`` does, and has read its files already."""

    def __init__(self, part: str, made: Any) -> None:
        self.part, self.made = part, made

    usable = True

    def __call__(self, inputs: dict[str, Any], source: Tensor, names: Sequence[ClipNames]) -> dict[str, Any]:
        return {"mm_encoder_outputs": {self.part: self.made}}


def adapters(device: str, size: str) -> None:
    """Stage 2 with LoRA."""
    module = build(size, device, video=True, lora=True)
    flops = None
    ways: tuple[tuple[str, Again, bool], ...] = (
        ("MLLM checkpointed", True, False),
        ("MLLM and UNet checkpointed selectively", "selective", True),
        ("MLLM checkpointed, UNet selectively", True, True),
    )
    for name, mllm, unet in ways:
        module.mllm.gradient_checkpointing = mllm
        if unet:
            module.viddm.checkpoint_gradients(selective=True)
        # FLOPs are those of the first: what is computed again is no progress.
        flops = row(module, name, *at(size, 2, 8), device, flops)
    del module
    if device != "cuda":
        return  # ``compiled`` walks the rest
    torch.cuda.empty_cache()
    for name, mllm, budget in (
        ("compiled by region, MLLM checkpointed", True, 1.0),
        ("compiled by region, half of what blocks keep", False, 0.5),
    ):
        torch._dynamo.reset()
        torch._functorch.config.activation_memory_budget = budget
        module = build(size, device, video=True, lora=True)
        module.mllm.gradient_checkpointing = mllm
        for part in (module.mllm, module.viddm, module.vae):
            compile_regions(part, backend=BACKEND[device])
        row(module, name, *at(size, 2, 8), device, flops)
        del module


def inside(device: str, size: str) -> None:
    """Where a step of stage 1 goes: parts one by one, what waits for the device, kernels; then the same, compiled."""
    module = build(size, device)
    batch = clips(module, *at(size, 2, 8))
    say("batch", "{} clips of {} frames".format(*at(size, 2, 8)))
    _parts(module, batch, device, "")
    _whole(module, batch, device, "")
    half = copy.deepcopy(module.vae)
    half.vae.to(torch.bfloat16)
    _codec(half, batch, device, "codec in bfloat16 without autocast")
    del half
    if device != "cuda":
        return  # ``compiled`` walks the rest
    for part in (module.vae, module.viddm, module.mllm):
        compile_regions(part, backend=BACKEND[device])
    _parts(module, batch, device, ", compiled")
    _whole(module, batch, device, ", compiled")
    for name, part in (("codec", module.vae), ("UNet", module.viddm)):
        part.to(memory_format=torch.channels_last)
        say("channels_last from here on", name)
        _parts(module, batch, device, ", compiled", only=name)


def _codec(vae: Any, batch: Batch, device: str, name: str) -> None:
    generators = [torch.Generator(device).manual_seed(row) for row in range(len(batch))]
    with torch.no_grad(), autocast(device):
        once = timed(lambda: vae.encode_both(batch.source, batch.target, generators), device)
    say(name, f"{once * 1e3:.0f} ms")


def _parts(module: VeggieModule, batch: Batch, device: str, how: str, only: str = "") -> None:
    """MLLM, codec and UNet alone."""
    number, frames = batch.source.shape[:2]
    frame_index = torch.arange(frames, device=batch.source.device).expand(number, -1)
    with torch.no_grad(), autocast(device):
        ask = module.queries(frame_index)
        if not only:
            seen = timed(lambda: module.mllm(batch.source, batch.instruction, ask, frame_index), device)
            say(f"MLLM forward, no graph{how}", f"{seen * 1e3:.0f} ms")
        tokens = module.aligner(ask)
        cells = (module.vae.channels, *module.viddm.latent_size)
        latents = torch.randn(number, frames, *cells, device=batch.source.device)
    if only in ("", "codec"):
        _codec(module.vae, batch, device, f"codec, source and target{how}")
    timestep = torch.zeros(number, device=batch.source.device)

    def paint() -> None:
        with autocast(device):
            predicted = module.predict(latents, latents, timestep, tokens)
        predicted.float().mean().backward()  # type: ignore[no-untyped-call]
        module.zero_grad(set_to_none=True)

    if only in ("", "UNet"):
        say(f"UNet forward and backward{how}", f"{timed(paint, device) * 1e3:.0f} ms")


def _whole(module: VeggieModule, batch: Batch, device: str, how: str) -> None:
    """A whole step, its synchronisations and its kernels."""
    step = trainer_step(module, batch, device)
    say(f"whole step{how}", f"{timed(step, device) * 1e3:.0f} ms")
    if device != "cuda":
        return
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step()
    torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in caught if "synchroniz" in str(warning.message)]
    say(f"synchronisations a step{how}", len(waits))
    for place in sorted({f"{warning.filename.split('site-packages/')[-1]}:{warning.lineno}" for warning in waits}):
        say("one at", place.removeprefix(f"{ROOT}/"))
    kinds = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds) as profile:
        step()
        wait(device)
    kernels = [event for event in profile.events() if event.device_type.name == "CUDA"]
    say(f"kernels a step{how}", len(kernels))
    total: dict[str, float] = {}
    for event in kernels:
        total[event.name] = total.get(event.name, 0.0) + event.time_range.elapsed_us() / 1e3
    say(f"all kernels{how}", f"{sum(total.values()):.0f} ms")
    for name in sorted(total, key=lambda name: -total[name])[:12]:
        say(name[:90].replace("|", "/"), f"{total[name]:.1f} ms")
