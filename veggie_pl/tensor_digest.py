"""A short name for the values of many tensors."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_of(tensors: Mapping[str, Tensor]) -> bytes:
    """Hash names, types, shapes and values, 16 bytes; about a second for a gigabyte."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(bytes_of(tensor))
    return digest.digest()


def bytes_of(tensor: Tensor) -> memoryview:
    """Show the values of a tensor as bytes, without a copy where it is on the CPU and in one piece."""
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
