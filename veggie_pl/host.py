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
