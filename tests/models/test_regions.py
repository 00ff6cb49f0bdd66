"""One graph for each kind and shape of block, and the same numbers."""

from typing import Any

import pytest
import torch
from support.parts import TEMPORAL, UNET
from torch import Tensor, nn

from veggie_pl.models import VidDM
from veggie_pl.models.regions import compile_regions, regions

DEEP = {**UNET, "layers_per_block": 3}


def inputs() -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    noisy, source = torch.randn(2, 1, 2, 48, 4, 4)
    return noisy, source, torch.tensor([7]), torch.randn(1, 2, 2, 24)


@pytest.mark.parametrize("video", [False, True])
def test_blocks_of_one_shape_share_a_graph_with_equal_gradients(video: bool) -> None:
    torch._dynamo.reset()
    model = VidDM(DEEP, TEMPORAL, video, pool_task=True)
    expected = model(*inputs())
    weights = [p for p in model.parameters() if p.requires_grad]
    wanted = torch.autograd.grad(expected.square().mean(), weights, allow_unused=True)
    graphs: list[int] = []

    def backend(graph: Any, _: Any) -> Any:
        graphs.append(1)
        return graph.forward

    blocks = compile_regions(model, backend=backend)
    assert {type(block).__name__ for block in blocks} == {"BasicTransformerBlock", "ResnetBlock2D"}
    found = model(*inputs())
    torch.testing.assert_close(found, expected)
    got = torch.autograd.grad(found.square().mean(), weights, allow_unused=True)
    for one, other in zip(got, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    first = len(graphs)
    assert 2 < first < 0.8 * len(blocks)  # a graph a block would be all of them
    model(*inputs())
    assert len(graphs) == first


def test_regions_are_outermost_and_a_part_without_any_is_an_error() -> None:
    blocks = regions(VidDM(UNET, TEMPORAL, True))
    assert len({*blocks}) == len(blocks)
    assert not [inner for block in blocks for inner in block.modules() if inner is not block and inner in blocks]
    with pytest.raises(ValueError, match="Linear has no blocks to compile by region: none is a BasicTransformerBlock"):
        compile_regions(nn.Linear(2, 2))
