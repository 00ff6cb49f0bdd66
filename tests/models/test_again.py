"""Selective checkpointing: equal gradients, less memory, and nothing dear computed twice."""

from collections import Counter
from typing import Any, Literal

import pytest
import torch
from support.parts import TEMPORAL, UNET
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from veggie_pl.models import VidDM
from veggie_pl.planning.meter import Meter

How = bool | Literal["selective"]


class Counted(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def learn(how: How, video: bool) -> tuple[list[Tensor], Counter[str], int]:
    """Gradients, how often each operation ran, and the most bytes that were alive."""
    torch.manual_seed(0)
    model = VidDM({**UNET, "block_out_channels": [32, 64]}, TEMPORAL, video, pool_task=True, gradient_checkpointing=how)
    model.train()
    noisy, source = torch.randn(2, 2, 4, 48, 8, 8)
    inputs = (noisy, source, torch.tensor([7, 900]), torch.randn(2, 4, 2, 24))
    with Counted() as counted:
        model(*inputs).square().mean().backward()
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    with Meter(model, lambda name: name) as meter:
        model(*inputs).square().mean().backward()
    return found, counted.found, meter.peak


@pytest.mark.parametrize("video", [False, True])
def test_a_unet_keeps_what_is_dear_and_learns_the_same(video: bool) -> None:
    plain, selective, whole = (learn(how, video) for how in (False, "selective", True))
    for name in ("convolution", "_scaled_dot_product_flash_attention_for_cpu"):
        assert whole[1][name] > plain[1][name] == selective[1][name], name
    assert selective[1]["native_group_norm"] > plain[1]["native_group_norm"]
    assert whole[2] < plain[2]
    assert selective[2] < 0.9 * plain[2]
    for one, other in zip(selective[0], plain[0], strict=True):
        assert (one - other).norm() <= 1e-6 * other.norm() + 1e-12
