"""All chance of the project: generators that are pure functions of a key such as (seed, index, "noise").

Nothing draws from a global generator, so a sample never depends on workers, ranks, batch size or what came before it.
"""

import hashlib

import numpy as np
import torch


def fingerprint(*key: int | str) -> int:
    """Return a stable 63-bit integer for a key; distinct keys (also ``("1",)`` and ``(1,)``) give unrelated streams."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_rng(*key: int | str) -> np.random.Generator:
    """Return a numpy generator for this key alone."""
    return np.random.Generator(np.random.PCG64(fingerprint(*key)))


def torch_rng(*key: int | str) -> torch.Generator:
    """Return a torch generator for this key alone, on the CPU: a GPU would give other numbers for one key."""
    return torch.Generator().manual_seed(fingerprint(*key))
