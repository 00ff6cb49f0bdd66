"""What a CUDA graph does, on a CPU: operations are recorded once and done again on the same memory, and no Python runs.

A value that Python had read while recording would stay as it was then; and what could not be captured is refused.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from support.waits import ATEN, reads_values

# Made from Python's own data, which lies on the host; and what draws, which all chance of a step comes before.
HOST = {ATEN.lift_fresh, ATEN._pin_memory, ATEN.set_}
CHANCE = {ATEN.rand, ATEN.randn, ATEN.randint, ATEN.randperm, ATEN.rand_like, ATEN.randn_like, ATEN.randint_like}
CHANCE |= {ATEN.normal_, ATEN.uniform_, ATEN.bernoulli, ATEN.bernoulli_, ATEN.native_dropout, ATEN.multinomial}


class CpuTape(TorchDispatchMode):
    """A ``Tape``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.runs: list[list[tuple[Any, Any, Any, Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet, options = func.overloadpacket, kwargs or {}
        if packet in HOST or packet in CHANCE or reads_values(func, args, options):
            raise RuntimeError(f"{packet.__name__} cannot be captured")
        out = func(*args, **options)
        self.runs[-1].append((func, args, options, out))
        return out

    def warm(self, run: Callable[[], object]) -> None:
        """Do nothing: libraries of a CPU make no plans."""

    def record(self, run: Callable[[], object]) -> Callable[[], None]:
        """Note all operations and what they wrote into."""
        self.runs.append([])
        with self:
            run()
        noted = self.runs[-1]

        def replay() -> None:
            with torch.no_grad(), torch.autocast("cpu", enabled=False):
                for func, args, options, out in noted:
                    again = func(*args, **options)
                    if func.is_view:
                        continue
                    for one, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                        if isinstance(one, Tensor) and one.data_ptr() != new.data_ptr():
                            one.copy_(new)

        return replay
