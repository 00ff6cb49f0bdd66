"""Is `plan` right? Its predictions against real training steps on this CPU, at several sizes.

    python -m benchmarks.plan [--steps 5]

Memory is the most that was resident while a fresh process built the module and trained, less what was resident before;
memory that is freed goes back to the system at once (MALLOC_*). Time is the median step. The CPU's two peaks are
measured here on large matrix products and copies; its one efficiency, and what libraries take for themselves, are set
so that the first size is right, and the others tell how far that carries. Prints a markdown table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from jsonargparse import Namespace

from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.plan import PlanCLI
from veggie_pl.files import TRAINING
from veggie_pl.planning.devices import GIB, Device, Rates
from veggie_pl.planning.predict import predict
from veggie_pl.planning.shapes import batch_of
from veggie_pl.training.precision import FULL, autocast, best_precision, cpu_gain

UNET = "--model.viddm.init_args.unet_config."
KL = ["--model.vae.class_path", "veggie_pl.models.KlCodec", "--model.vae.init_args.folder", "null"]
KL += ["--model.viddm.init_args.add_source", "false", "--model.viddm.init_args.erase_source", "false"]
KL += ["--model.scheduler.init_args.prediction_type", "epsilon"]
CASES = {
    "stage 1 as shipped, 32 images": ["--config", "conf/stage1.yaml"],
    "stage 2 as shipped, 4 clips": ["--config", "conf/stage2.yaml"],
    "UNet twice as wide, 16 images": [
        *("--config", "conf/stage1.yaml", "--data.batch_size", "16"),
        *(UNET + "block_out_channels", "[128, 192, 256]"),
    ],
    "64 x 64 pixels, 8 images": [
        *("--config", "conf/stage1.yaml", "--data.batch_size", "8", UNET + "sample_size", "32"),
    ],
    "64 x 64, gradient checkpointing": [
        *("--config", "conf/stage1.yaml", "--data.batch_size", "8", UNET + "sample_size", "32"),
        *("--model.viddm.init_args.gradient_checkpointing", "true"),
    ],
    "UNet four times as wide, 2 clips": [
        *("--config", "conf/stage2.yaml", "--data.batch_size", "2", UNET + "block_out_channels", "[256, 384, 512]"),
    ],
    "Stable Diffusion's codec, 128 x 128, 2 images": [
        *("--config", "conf/stage1.yaml", "--data.batch_size", "2", *KL),
        *(UNET + "in_channels", "8", UNET + "out_channels", "4"),
    ],
}


def parsed(args: list[str]) -> Namespace:
    config: Namespace = PlanCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING}).config
    return config


def measure(args: list[str], steps: int) -> dict[str, float]:
    """Bytes and seconds of real steps, in this process, which should be a fresh one."""
    torch.set_num_threads(1)
    config = parsed(args)
    before = _status("VmRSS")
    cli = VeggieCLI([*args, "--trainer.logger", "false"], run=False, parser_kwargs={"default_config_files": TRAINING})
    module = cli.model
    next(c for c in cli.trainer.callbacks if type(c).__name__ == "Freeze").apply(module)  # type: ignore[attr-defined]
    optimizer = module.make_optimizer([p for p in module.parameters() if p.requires_grad])
    average = [p.detach().clone() for p in module.parameters() if p.requires_grad]
    batch = batch_of(module, config.data.batch_size, module.queries.max_frames if module.viddm.is_video else 1)
    words = "highlight the large red circle with blue masks"
    batch.examples = [one._replace(instruction=words) for one in batch.examples]
    clock = []
    for _ in range(steps):
        started = time.perf_counter()
        with autocast("cpu"):
            loss = module.per_sample_loss(batch, "fit").mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        torch._foreach_lerp_(average, [p.data for p in module.parameters() if p.requires_grad], 0.001)
        clock.append(time.perf_counter() - started)
    return {"bytes": _status("VmHWM") - before, "seconds": statistics.median(clock)}


def this_cpu() -> Device:
    """One thread of it: matrix products, in what a run computes in here, and copies between large blocks."""
    torch.set_num_threads(1)
    choice = best_precision("cpu")
    square = torch.randn(2048, 2048, dtype=choice.dtype)
    block = torch.empty(2**26)

    def rate(run: object, work: float) -> float:
        assert callable(run)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
        return work / min(times)

    flops = rate(lambda: square @ square, 2 * 2048**3)
    bandwidth = rate(lambda: block.clone(), 2 * block.numel() * 4)
    # A kernel of a CPU is over when it returns: what starting it costs is its own time, and no host runs ahead.
    rates = Rates(1.0, 1.0, 1.0, 1.0, 1.0, kernel=5e-6)
    full = flops if choice.precision == FULL else flops / cpu_gain()
    return Device(24 * GIB, flops, bandwidth, full, reserved=0.0, rates=rates, precision=choice.precision, cuda=False)


def calibrated(device: Device, config: Namespace, seconds: float) -> Device:
    """The efficiency with which this config takes that long."""
    low, high = 0.01, 1.0
    for _ in range(6):
        middle = (low * high) ** 0.5
        slow = predict(config, replace(device, rates=device.rates.faster(middle))).seconds > seconds
        low, high = (middle, high) if slow else (low, middle)
    return replace(device, rates=device.rates.faster((low * high) ** 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--measure", help="measure this case in this process and print JSON")
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # LightningCLI looks at it
    if options.measure:
        print(json.dumps(measure(CASES[options.measure], options.steps)))
        return
    environment = {
        **os.environ,
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "0",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("MALLOC_TOP_PAD_", None)
    device = this_cpu()
    lines: list[str] = []
    errors: list[tuple[float, float]] = []
    for name, args in CASES.items():
        command = [sys.executable, "-m", "benchmarks.plan", "--steps", str(options.steps), "--measure", name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        real = json.loads(done.stdout.splitlines()[-1])
        config = parsed(args)
        if not lines:
            device = calibrated(device, config, real["seconds"])
            device = replace(device, reserved=max(real["bytes"] - predict(config, device).peak, 0.0))
        found = predict(config, device)
        wrong = found.peak / real["bytes"] - 1, found.seconds / real["seconds"] - 1
        errors.append(wrong)
        lines.append(
            f"| {name} | {real['bytes'] / GIB:.2f} | {found.peak / GIB:.2f} | {100 * wrong[0]:+.0f} % "
            f"| {real['seconds']:.2f} | {found.seconds:.2f} | {100 * wrong[1]:+.0f} % |"
        )
        print(lines[-1], flush=True)
    print(
        f"\n{device.flops / 1e9:.0f} GFLOP/s, {device.bandwidth / 1e9:.1f} GB/s, "
        f"efficiency {device.rates.product:.2f}, libraries {device.reserved / GIB:.2f} GiB\n"
    )
    head = "| run | GiB | predicted | error | s a step | predicted | error |\n|---|---:|---:|---:|---:|---:|---:|"
    print("\n".join([head, *lines]))
    means = [statistics.mean(abs(error[i]) for error in errors) for i in (0, 1)]
    print(f"\nmean error: memory {100 * means[0]:.0f} %, time {100 * means[1]:.0f} %")


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
