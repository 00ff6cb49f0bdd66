"""What a GPU can do: as its maker says, and how much of it kernels were seen to reach."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from veggie_pl.training.precision import for_capability

GIB = 2.0**30
CONSTANTS = Path(__file__).with_name("constants.json")  # written by benchmarks/plan_fit.py


@dataclass(frozen=True)
class Rates:
    """What is measured, not published.

    Args:
        convolution: Fraction of the peak FLOP/s that convolutions reach.
        product: That matrix products reach.
        attention: That fused attention reaches.
        moved: Fraction of the memory's bandwidth that all other kernels reach.
        turned: That turning tensors for convolutions reaches.
        kernel: Seconds that a kernel takes beside its work.
        called: Seconds of the host to start an operation from Python.
        again: The same, of an operation that checkpointing runs again.
        replayed: The same, of an operation of the backward pass.
        sample: Seconds of the host for a sample, whatever its size: its prompt and its chance.
    """

    convolution: float = 0.6
    product: float = 0.6
    attention: float = 0.6
    moved: float = 0.6
    turned: float = 0.6
    kernel: float = 6e-6
    called: float = 0.0
    again: float = 0.0
    replayed: float = 0.0
    sample: float = 0.0

    def faster(self, factor: float) -> "Rates":
        """Scale the fractions, leaving the seconds."""
        names = ("convolution", "product", "attention", "moved", "turned")
        return replace(self, **{name: factor * getattr(self, name) for name in names})


def measured() -> tuple[Rates, str]:
    """Read what kernels were seen to reach, and on which GPU."""
    found = json.loads(CONSTANTS.read_text())
    return Rates(**found["rates"]), found["gpu"]


@dataclass(frozen=True)
class Device:
    """A machine to plan for.

    Args:
        memory: Bytes.
        flops: Peak of dense bfloat16 matrix products, FLOP/s.
        bandwidth: Of memory, bytes/s.
        full: Peak of float32 products, FLOP/s.
        link: Bytes/s, one way, from a GPU to its neighbour in the same machine.
        reserved: Bytes that are gone before the first tensor: the driver's context and the libraries' workspaces.
        rates: How much of the peaks real kernels reach.
        precision: What a run computes in here, where its config names nothing.
        cuda: Whether autocast widens what CUDA's does.
    """

    memory: float
    flops: float
    bandwidth: float
    full: float = 0.0
    link: float = 32e9
    reserved: float = 0.75 * GIB
    rates: Rates = field(default_factory=lambda: measured()[0])
    precision: str = for_capability((8, 0)).precision  # of all GPUs below, at least
    cuda: bool = True


# Data sheets of NVIDIA: dense, without sparsity; float32 without tensor cores; NVLink or PCI Express 4.0 x16, one way.
GPUS = {
    "rtx4090": Device(24 * GIB, 165e12, 1.008e12, 82.6e12),
    "a10": Device(24 * GIB, 125e12, 0.600e12, 31.2e12),
    "a100-40": Device(40 * GIB, 312e12, 1.555e12, 19.5e12, 300e9),
    "l40s": Device(48 * GIB, 362e12, 0.864e12, 91.6e12),
    "a100-80": Device(80 * GIB, 312e12, 2.039e12, 19.5e12, 300e9),
    "h100": Device(80 * GIB, 989e12, 3.35e12, 67e12, 450e9),
    "h200": Device(141 * GIB, 989e12, 4.8e12, 67e12, 450e9),
}


def origin(name: str) -> str:
    """Say where the rates of a GPU come from."""
    seen = measured()[1]
    return f"measured on {seen}" if name == seen else f"measured on {seen}, scaled for {name} by its data sheet"
