"""How long a step takes: the host starts kernels, phase by phase, and the device runs them behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from veggie_pl.planning.devices import Device
from veggie_pl.planning.work import Phase, Work


@dataclass(frozen=True)
class Timing:
    """Of one step.

    Args:
        seconds: From its first call to its last kernel.
        busy: In which the device has something to run.
        host: In which the host starts kernels.
        backward: From the start of the backward pass to its end.
    """

    seconds: float
    busy: float
    host: float
    backward: float

    @property
    def launch_bound(self) -> float:
        """Share of the step in which the device waits for the host, in [0, 1]."""
        return 1 - self.busy / self.seconds if self.seconds else 0.0


def device_seconds(work: Work, device: Device) -> float:
    """Time on the device: each kind of work at its own rate, and each kernel's own beside it.

    Bytes of matrix products and attention count in no time: where they matter, few samples are computed, and the
    kernels' own time stands for them.
    """
    rates = device.rates
    products = work.convolution / rates.convolution + work.product / rates.product + work.attention / rates.attention
    bytes_ = work.moved / rates.moved + work.turned / rates.turned
    full = work.full / (device.full or device.flops) / rates.product
    return products / device.flops + full + bytes_ / device.bandwidth + work.kernels * rates.kernel


def host_seconds(work: Work, device: Device) -> float:
    """Time of the host: each operation by who starts it."""
    rates = device.rates
    return work.called * rates.called + work.again * rates.again + work.replayed * rates.replayed


def run(phases: Sequence[Phase], device: Device, samples: int) -> Timing:
    """Let the host start all phases in a row, and the device follow.

    Within a phase, work and calls are taken as spread evenly: the device ends a phase when its work is done, and not
    before the host has started the last of it.
    """
    host = ended = busy = backward = 0.0
    for number, phase in enumerate(phases):
        work, began = phase.work, ended
        start = max(ended, host)
        host += host_seconds(work, device) + (samples * device.rates.sample if number == 0 else 0.0)
        took = device_seconds(work, device)
        busy += took
        ended = max(start + took, host)
        if phase.name == "backward":
            backward += ended - began
    return Timing(ended, busy, host, backward)
