"""The parts of ``benchmarks.gpu``, each run in a process of its own."""

import argparse

import torch

from benchmarks.without_video import stand_in

MISSING = stand_in()  # before what imports them

from benchmarks import gpu_edit, gpu_nano, gpu_steps  # noqa: E402
from benchmarks.gpu_model import SIZES  # noqa: E402
from benchmarks.gpu_timing import say, timed  # noqa: E402
from veggie_pl.training.precision import best_precision  # noqa: E402


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


PARTS = {
    "machine": machine,
    "steps": gpu_steps.steps,
    "compiled": gpu_steps.compiled,
    "inside": gpu_steps.inside,
    "adapters": gpu_steps.adapters,
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
