"""From the host to a device, and nobody waits: what is small and made by Python in every step."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy a tensor of the host to a device; to a GPU from pinned memory, so that the host goes on at once.

    Without that, each such copy waits until the GPU has done all that it was given before.
    """
    device = torch.device(device)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)


def draw_normal(
    shape: Sequence[int], generators: Sequence[torch.Generator], device: torch.device | str
) -> Float[Tensor, "b ..."]:
    """Draw standard normal numbers for each sample from its own generator, whatever else is in the batch.

    Those of generators on the host are drawn into one piece of memory and copied once: not a kernel a sample.

    Args:
        shape: Of all, samples first.
        generators: One a sample, all on the host or all on the device.
        device: Where they are wanted.
    """
    drawn_on, device = generators[0].device, torch.device(device)
    pinned = drawn_on.type == "cpu" and device.type == "cuda"
    numbers = torch.empty(tuple(shape), device=drawn_on, pin_memory=pinned)
    for row, generator in zip(numbers, generators, strict=True):
        row.normal_(generator=generator)
    return send(numbers, device)


class Later:
    """A small tensor on its way to the host.

    Reading it waits for what made it, and not for what the device was given since.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._value = tensor.detach().to("cpu", non_blocking=True)  # from a GPU: into pinned memory
        self._made: torch.cuda.Event | None = None
        if tensor.is_cuda:
            self._made = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._made.record(torch.cuda.current_stream(tensor.device))

    def read(self) -> Tensor:
        """Return it."""
        if self._made is not None:
            self._made.synchronize()
        return self._value
