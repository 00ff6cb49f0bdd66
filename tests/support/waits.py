"""What would make the host wait for a GPU, counted on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_stack
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
READ = {ATEN._local_scalar_dense, ATEN.nonzero, ATEN.masked_select, ATEN.equal, ATEN._unique2, ATEN.unique_dim}
COPIED = {"tolist", "numpy", "cpu", "__array__"}  # which read memory without an operation


def _place() -> str:
    frames = [
        frame for frame in extract_stack() if "/torch/" not in frame.filename and "waits.py" not in frame.filename
    ]
    return f"{frames[-1].filename.split('site-packages/')[-1].split('/veggie_pl/')[-1]}:{frames[-1].lineno}"


def reads_values(func: Any, args: Any, options: Any) -> bool:
    """Whether an operation gives values to the host, or a shape that depends on them."""
    packet = func.overloadpacket
    picked = args[1] if packet in (ATEN.index, ATEN.index_put, ATEN.index_put_) else ()
    by_mask = any(isinstance(one, Tensor) and one.dtype in (torch.bool, torch.uint8) for one in picked)
    return packet in READ or by_mask or (packet is ATEN.repeat_interleave and not options.get("output_size"))


class _Operations(TorchDispatchMode):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if reads_values(func, args, kwargs or {}):
            self.found.append(f"{func.overloadpacket.__name__} at {_place()}")
        return func(*args, **(kwargs or {}))


class _Methods(TorchFunctionMode):
    def __init__(self, found: list[str], host: list[Tensor]) -> None:
        super().__init__()
        self.found, self.host = found, host

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in COPIED and not any(args[0] is one for one in self.host):
            self.found.append(f"{name} at {_place()}")
        return func(*args, **(kwargs or {}))


@contextmanager
def counted_waits(*host: Tensor) -> Iterator[list[str]]:
    """Collect what reads values of tensors, and where.

    Args:
        host: Tensors that are on the host whatever the device is.
    """
    found: list[str] = []
    with _Methods(found, [*host]), _Operations(found):
        yield found


class NamedFailures(TorchDispatchMode):
    """Whatever fails inside, forward or backward, is named, with shapes; ``fails`` does so for a test."""

    def __init__(self, fails: str = "") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fails = fails

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            if str(func) == self.fails:
                raise RuntimeError("no good")
            return func(*args, **(kwargs or {}))
        except RuntimeError as error:
            shapes = " and ".join(str(tuple(one.shape)) for one in args if isinstance(one, torch.Tensor))
            raise RuntimeError(f"{func} of {shapes}: {error}") from error
