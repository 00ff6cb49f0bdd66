"""What CUDA's autocast computes in float32 and a CPU's does not, on fake tensors."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import _engine_run_backward
from torch.utils.checkpoint import checkpoint

from veggie_pl.planning.casts import CudaCasts
from veggie_pl.planning.meter import Meter

HALF, FULL = torch.bfloat16, torch.float32


@pytest.mark.parametrize(
    ("compute", "on_cpu"),
    [
        (lambda x: F.group_norm(x, 2), HALF),
        (lambda x: nn.LayerNorm(4)(x), HALF),
        (lambda x: x.softmax(-1), HALF),
        (lambda x: x**2, HALF),
        (lambda x: torch.rsqrt(x), HALF),
        (lambda x: x.sum(-1), HALF),
        (lambda x: F.interpolate(x, scale_factor=2), HALF),
        (lambda x: F.silu(x), None),
        (lambda x: x + x, None),
        (lambda x: x @ x, None),
    ],
)
def test_autocast_widens_what_cuda_widens(compute: object, on_cpu: torch.dtype | None) -> None:
    assert callable(compute)
    with FakeTensorMode(), torch.autocast("cpu", HALF):
        given = torch.empty(2, 4, 4, 4, dtype=HALF)
        before: Tensor = compute(given)
        with CudaCasts():
            after: Tensor = compute(given)
    assert (before.dtype, after.dtype) == ((HALF, FULL) if on_cpu else (HALF, HALF))


def test_nothing_is_widened_without_autocast() -> None:
    with FakeTensorMode(), CudaCasts():
        assert F.group_norm(torch.empty(2, 4, 4, 4, dtype=HALF), 2).dtype == HALF


def test_bytes_are_those_of_float32_where_cuda_computes_in_it() -> None:
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU())
    held = {}
    for wide in (False, True):
        with FakeTensorMode(allow_non_fake_inputs=True):
            given = torch.empty(2, 4, 16, 16)
            meter = Meter(block, lambda name: "")
            with meter, torch.autocast("cpu", HALF):
                if wide:
                    with CudaCasts():
                        block(given).float().mean()
                else:
                    block(given).float().mean()
        held[wide] = meter.costs[""].moved
    # Norm and SiLU read and write two bytes more of each number; a cast after the convolution takes the place of the
    # last one. What is left are the norm's statistics.
    assert held[True] - held[False] == pytest.approx(8 * 2 * 4 * 16 * 16, abs=64)


def test_what_is_computed_again_is_widened_again() -> None:
    """The backward pass must not leave the mode, or checkpointing finds other types than it kept."""
    norm = nn.GroupNorm(2, 4)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.autocast("cpu", HALF), CudaCasts():
        given = torch.empty(2, 4, 8, 8, dtype=HALF, requires_grad=True)
        loss = checkpoint(lambda x: F.silu(norm(x)), given, use_reentrant=False).mean()
        _engine_run_backward((loss,), (torch.ones_like(loss),), False, False, (), True, accumulate_grad=True)
        assert given.grad is not None
