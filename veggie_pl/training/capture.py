"""Forward and backward pass of a function recorded once and replayed, as CUDA graphs do it."""

import gc
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

WARM = 3  # runs before a recording, in which libraries make their plans and workspaces


@runtime_checkable
class Tape(Protocol):
    """Records what a function launches."""

    def warm(self, run: Callable[[], object]) -> None:
        """Run it where it will be recorded."""
        ...

    def record(self, run: Callable[[], object]) -> Callable[[], None]:
        """Run it and give what does the same again, on the same memory."""
        ...


class CudaTape:
    """Records CUDA graphs with one pool of memory, on a stream of their own.

    ``torch.cuda.make_graphed_callables`` does the same but for three things, each of which can end a capture: it warms
    up on another stream than it records on, and the leaves of the graph remember the stream of their first use; it lets
    leaves be shared with steps that ran before, on the default stream; and it forbids other threads, such as one that
    pins batches, whatever is forbidden here.
    """

    def __init__(self) -> None:
        self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.pool = torch.cuda.graph_pool_handle()

    def warm(self, run: Callable[[], object]) -> None:
        """Run on the stream that will be recorded."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            run()
        torch.cuda.current_stream().wait_stream(self.stream)

    def record(self, run: Callable[[], object]) -> Callable[[], None]:
        """Capture one graph."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, self.pool, self.stream, capture_error_mode="thread_local"):
            run()
        replay: Callable[[], None] = graph.replay
        return replay


def recorded(
    function: Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor],
    given: Sequence[Tensor],
    learning: Sequence[Tensor],
    tape: Tape,
) -> Callable[..., Tensor]:
    """Record a function and its backward pass, and give what replays them.

    Args:
        function: From tensors and what learns to a loss; it reads nothing else that changes, and no values.
        given: Tensors of the shapes that will come.
        learning: Parameters. Their memory is read, whatever is in it at the time.
        tape: Records.

    Returns:
        Takes tensors as given, then the parameters. Gradients lie in buffers that the next replay writes over.
    """
    inputs = [one.clone() for one in given]
    # Leaves of their own on the same memory: no step that ran elsewhere has ever had a gradient for them.
    leaves = [one.detach().requires_grad_() for one in learning]

    def once() -> None:
        loss = function(inputs, leaves)
        torch.autograd.grad(loss, leaves, torch.ones_like(loss), allow_unused=True)

    for _ in range(WARM):
        tape.warm(once)
    gc.collect()  # what would else be freed in the midst of it
    made: list[Tensor] = []
    forward = tape.record(lambda: made.append(function(inputs, leaves)))
    loss = made.pop()
    pushed, found = torch.ones_like(loss), list[Tensor | None]()
    backward = tape.record(lambda: found.extend(torch.autograd.grad(loss, leaves, pushed, allow_unused=True)))
    out = loss.detach()
    return _replaying(inputs, out, pushed, found, forward, backward)


def _replaying(
    inputs: list[Tensor],
    out: Tensor,
    pushed: Tensor,
    found: list[Tensor | None],
    forward: Callable[[], None],
    backward: Callable[[], None],
) -> Callable[..., Tensor]:
    class Replayed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Tensor) -> Tensor:
            for own, new in zip(inputs, tensors, strict=False):  # parameters come last and are where they were
                own.copy_(new)
            forward()
            return out.clone()

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
            pushed.copy_(grad)
            backward()
            return (*[None] * len(inputs), *(None if one is None else one.detach() for one in found))

    def replay(*tensors: Tensor) -> Tensor:
        again: Tensor = Replayed.apply(*tensors)  # type: ignore[no-untyped-call]
        return again

    return replay
