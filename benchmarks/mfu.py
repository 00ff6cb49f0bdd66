"""How much of what the machine can do does a training step use?

    python -m benchmarks.mfu [--steps 5] [--device cpu]

Model FLOPs utilisation: floating point operations of a step (forward and backward, counted operator by operator;
nothing is computed twice here) by its time, over the rate of one large matrix product of the step's
precision on the same machine, measured in between. The model is that of ``benchmarks.paper_size``: the tokens and
pictures of paper size, narrow networks. Prints markdown.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from diffusers import DDPMScheduler

from benchmarks import paper_size as paper
from benchmarks.gpu_timing import flops_of, trainer_step
from benchmarks.paper_size import clips, stage1
from veggie_pl.callbacks import Freeze
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.module import VeggieModule
from veggie_pl.training.precision import best_precision


def stage2(home: Path) -> VeggieModule:
    """Everything learns but the codec; the UNet is inflated."""
    torch.manual_seed(0)
    mllm = Mllm(str(paper.mllm_folder(home)), pretrained=False)
    temporal = {"motion_num_attention_heads": 1, "motion_norm_num_groups": 16}
    viddm = VidDM(paper.UNET, temporal, video=True)
    parts = (TaskQueries(paper.QUERIES, 8, paper.LLM), Aligner(paper.LLM, paper.WIDTH), viddm, KlCodec(None, paper.VAE))
    module = VeggieModule(mllm, *parts, DDPMScheduler(**paper.BETAS))
    Freeze(["vae", "mllm.model.model.vision_tower.post_layernorm"]).apply(module)
    return module


def product_rate(device: str) -> float:
    """FLOP/s of a large matrix product."""
    square = torch.randn(4096, 4096, dtype=best_precision(device).dtype, device=device)
    return 2 * 4096**3 / seconds(lambda: square @ square, device)


def seconds(run: object, device: str) -> float:
    assert callable(run)
    started = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def measure(module: VeggieModule, size: int, frames: int, steps: int, device: str) -> tuple[float, float, float]:
    """FLOPs of a step, its median seconds, and the median FLOP/s of a matrix product between steps."""
    module.to(device)
    batch = clips(module, size, frames)
    assert batch.target is not None
    batch.source, batch.target = batch.source.to(device), batch.target.to(device)

    step = trainer_step(module, batch, device)
    flops = flops_of(module, step)
    times, rates = [], []
    for _ in range(steps):
        times.append(seconds(step, device))
        rates.append(max(product_rate(device) for _ in range(3)))
    return flops, statistics.median(times), statistics.median(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(2)
    print("| step | TFLOP | s | TFLOP/s | of a matrix product's |\n|---|---:|---:|---:|---:|")
    for name, size, frames in (("stage 1, 2 images", 2, 1), ("stage 1, 1 clip", 1, 8), ("stage 2, 1 clip", 1, 8)):
        with tempfile.TemporaryDirectory() as home:
            module = stage2(Path(home)) if name.startswith("stage 2") else stage1(Path(home), frozen_prefix=True)
            flops, took, peak = measure(module, size, frames, options.steps, options.device)
        cells = f"{flops / 1e12:.2f} | {took:.2f} | {flops / took / 1e12:.3f} | {100 * flops / took / peak:.0f} %"
        print(f"| {name} | {cells} |", flush=True)
    print(f"\nmatrix product: {peak / 1e12:.2f} TFLOP/s")


if __name__ == "__main__":
    main()
