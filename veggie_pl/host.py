"""From the host to a device, and nobody waits: what is small and made by Python in every step."""

import torch
from torch import Tensor


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy a tensor of the host to a device; to a GPU from pinned memory, so that the host goes on at once.

    Without that, each such copy waits until the GPU has done all that it was given before.
    """
    device = torch.device(device)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)


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
