"""Count what a computation does and holds, on tensors that have shapes and no data."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from veggie_pl.planning.work import How, Kind, Phase, Work, total


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


# Memory that is not written yet, and other names for memory that is: no kernel runs.
_FREE = {torch.ops.aten._unsafe_view, torch.ops.aten.detach, torch.ops.aten.alias, torch.ops.aten.lift_fresh}
_FREE |= {getattr(torch.ops.aten, name) for name in ("empty", "empty_like", "empty_strided", "new_empty")}
_PHASES = {"codec": "codec", "vision tower": "mllm", "language model": "mllm", "diffusion": "diffusion"}


def _phase_of(part: str) -> str | None:
    """Name the phase of a part's forward pass; None: it belongs to whatever runs around it."""
    return _PHASES.get(part.partition(",")[0])


@dataclass
class Meter(TorchDispatchMode):
    """Counts work by phase and part, forward and backward, and the peak of bytes alive that were not there before.

    Args:
        root: The module that is run; what its submodules do is attributed by their dotted names.
        part_of: From a dotted name to a part; "" is what happens outside of all submodules.
        on_operation: Called with the part of each operation that is counted.
    """

    root: nn.Module
    part_of: Callable[[str], str]
    on_operation: Callable[[str], None] = lambda part: None
    phases: list[Phase] = field(default_factory=list)
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

    @property
    def costs(self) -> dict[str, Work]:
        """Work by part, of all phases."""
        names = {part: None for phase in self.phases for part in phase.parts}
        return {part: total([phase.parts[part] for phase in self.phases if part in phase.parts]) for part in names}

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
        if func.namespace == "prim":
            return out  # a question that only a tensor without data asks, such as for its device
        made = [tensor for tensor in tree_leaves(out) if isinstance(tensor, Tensor)]
        for tensor in made:
            self._watch(tensor)
        part, how = self._where(), _how()
        work = self._phase(part, how).of(part)
        setattr(work, how, getattr(work, how) + 1)
        self.on_operation(part)
        if func.is_view or not made or func.overloadpacket in _FREE:
            return out
        options = kwargs or {}
        packet = func.overloadpacket
        read = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
        if packet is torch.ops.aten.embedding:
            read = made  # of its table, as much as it gives
        moved = float(sum(tensor.numel() * tensor.element_size() for tensor in (*made, *read)))
        if own := _OWN.get(packet):
            work.add("attention", float(own(*args, **options)), moved)
        elif formula := flop_registry.get(packet):
            kind: Kind = "convolution" if "convolution" in packet.__name__ else "product"
            work.add(kind, float(formula(*args, **options, out_val=out)), moved, made[0].dtype == torch.float32)
        else:
            work.add(None, 0.0, moved)
        return out

    def _phase(self, part: str, how: How) -> Phase:
        """Give the phase that runs, a new one where another begins."""
        name = _phase_of(part) if how == "called" else "backward"
        last = self.phases[-1].name if self.phases else ""
        if not self.phases or (name and last and name != last):
            self.phases.append(Phase(name or ""))
        elif name and not last:
            self.phases[-1].name = name
        return self.phases[-1]

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


def _how() -> How:
    """Tell who starts an operation."""
    if torch._C._current_autograd_node() is None:
        return "called"
    return "again" if torch.is_grad_enabled() else "replayed"
