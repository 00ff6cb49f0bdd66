"""What a GPU can do, as its maker says."""

from dataclasses import dataclass

from veggie_pl.training.precision import for_capability

GIB = 2.0**30


@dataclass(frozen=True)
class Device:
    """A machine to plan for.

    Args:
        memory: Bytes.
        flops: Peak of dense bfloat16 matrix products, FLOP/s.
        bandwidth: Of memory, bytes/s.
        launch: Seconds that starting one kernel takes, below which no operation falls.
        reserved: Bytes that are gone before the first tensor: the driver's context and the libraries' workspaces.
        efficiency: Fraction of both peaks that real operations reach.
        precision: What a run computes in here, where its config names nothing.
    """

    memory: float
    flops: float
    bandwidth: float
    launch: float = 6e-6
    reserved: float = 0.75 * GIB
    efficiency: float = 0.6
    precision: str = for_capability((8, 0)).precision  # of all GPUs below, at least


# Data sheets of NVIDIA: dense, without sparsity.
GPUS = {
    "rtx4090": Device(24 * GIB, 165e12, 1.008e12),
    "a10": Device(24 * GIB, 125e12, 0.600e12),
    "a100-40": Device(40 * GIB, 312e12, 1.555e12),
    "l40s": Device(48 * GIB, 362e12, 0.864e12),
    "a100-80": Device(80 * GIB, 312e12, 2.039e12),
    "h100": Device(80 * GIB, 989e12, 3.35e12),
    "h200": Device(141 * GIB, 989e12, 4.8e12),
}
