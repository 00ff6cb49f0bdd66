"""Count what a computation does and holds, on tensors that have shapes and no data."""

import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from veggie_pl.planning.devices import Device


def _attention(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> int:
    """Count the scores of every query head with every key, and values by those; key heads are shared where fewer."""
    pairs = 2 * query.shape[:-1].numel() * key.shape[-2]
    return pairs * (query.shape[-1] + value.shape[-1])


def _attention_backward(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> int:
    """Count the scores again, their gradient and the values', then the queries' and the keys'."""
    pairs = 2 * query.shape[:-1].numel() * key.shape[-2]
    return pairs * (3 * query.shape[-1] + 2 * value.shape[-1])


# Our own for every device: torch has none for the CPU, and before 2.13 none for fewer key heads than query heads.
_KERNELS = ("flash_attention", "efficient_attention", "cudnn_attention", "flash_attention_for_cpu")
_OWN: dict[Any, Callable[..., int]] = {}
for _kernel in _KERNELS:
    _OWN[getattr(torch.ops.aten, f"_scaled_dot_product_{_kernel}")] = _attention
    _OWN[getattr(torch.ops.aten, f"_scaled_dot_product_{_kernel}_backward")] = _attention_backward


@dataclass
class Cost:
    """Of one part.

    Args:
        flops: Floating-point operations of matrix products, convolutions and attention, as torch counts them.
        moved: Bytes read and written by all operations.
        seconds: The sum over operations of the slower of the two on the device, at least a kernel's launch each.
    """

    flops: float = 0.0
    moved: float = 0.0
    seconds: float = 0.0


@dataclass
class Meter(TorchDispatchMode):
    """Counts costs by part, forward and backward, and the peak of bytes alive that were not there before.

    Args:
        root: The module that is run; what its submodules do is attributed by their dotted names.
        part_of: From a dotted name to a part; "" is what happens outside of all submodules.
        device: For ``Cost.seconds``.
        on_operation: Called with the part of each operation that is counted.
    """

    root: nn.Module
    part_of: Callable[[str], str]
    device: Device
    on_operation: Callable[[str], None] = lambda part: None
    costs: dict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))
    alive: int = 0
    peak: int = 0

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        held = [*self.root.parameters(), *self.root.buffers()]
        self.known = {tensor.untyped_storage()._cdata for tensor in held}
        self.names = {module: name for name, module in self.root.named_modules()}
        self.running: list[str] = []  # modules in their forward pass, outermost first
        self.made_in: dict[int, str] = {}  # autograd's number of an operation -> its part
        self.hooks: list[Any] = []

    def __enter__(self) -> "Meter":
        def enter(module: nn.Module, inputs: Any) -> None:
            self.running.append(self.names.get(module, ""))

        def leave(module: nn.Module, inputs: Any, output: Any) -> None:
            self.running.pop()

        self.hooks = [
            register_module_forward_pre_hook(enter),
            register_module_forward_hook(leave, always_call=True),
        ]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *args: Any) -> None:
        super().__exit__(*args)  # type: ignore[no-untyped-call]
        for hook in self.hooks:
            hook.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run, then count."""
        out = func(*args, **(kwargs or {}))
        made = [tensor for tensor in tree_leaves(out) if isinstance(tensor, Tensor)]
        read = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
        for tensor in made:
            self._watch(tensor)
        if func.is_view or not made:
            return out
        options = kwargs or {}
        if own := _OWN.get(func.overloadpacket):
            flops = own(*args, **options)
        elif formula := flop_registry.get(func.overloadpacket):
            flops = formula(*args, **options, out_val=out)
        else:
            flops = 0
        moved = sum(tensor.numel() * tensor.element_size() for tensor in (*made, *read))
        rate = self.device.efficiency
        part = self._where()
        self.on_operation(part)
        cost = self.costs[part]
        cost.flops += flops
        cost.moved += moved
        slower = max(flops / self.device.flops, moved / self.device.bandwidth)
        cost.seconds += max(slower / rate, self.device.launch)
        return out

    def _where(self) -> str:
        """Name the part that runs, or that made what the backward pass is at; what is computed again runs."""
        node = torch._C._current_autograd_node()
        if node is not None and not torch.is_grad_enabled():
            return self.made_in.get(node._sequence_nr(), self.part_of(""))
        part = self.part_of(self.running[-1] if self.running else "")
        self.made_in[torch.autograd._get_sequence_nr() - 1] = part  # type: ignore[attr-defined]
        return part

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.alive -= size
