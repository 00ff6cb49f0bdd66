"""One graph for each kind and shape of block, and the same numbers."""

import copy
from typing import Any

import pytest
import torch
from support.parts import NANO_MLLM, TEMPORAL, UNET
from torch import Tensor, nn

from veggie_pl.models import Mllm, VidDM
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
    kinds = {"Transformer2DModel", "ResnetBlock2D"} | ({"AnimateDiffTransformer3D"} if video else set())
    assert {type(block).__name__ for block in blocks} == kinds
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
    blocks = [*regions(VidDM(UNET, TEMPORAL, True))]
    assert len({*blocks}) == len(blocks)
    assert not [inner for block in blocks for inner in block.modules() if inner is not block and inner in blocks]
    with pytest.raises(ValueError, match="Linear has no blocks to compile by region: none is a Transformer2DModel"):
        compile_regions(nn.Linear(2, 2))


def asked(mllm: Mllm, words: list[str]) -> tuple[Tensor, Tensor]:
    queries = torch.randn(2, 2, 3, mllm.width, generator=torch.Generator().manual_seed(1)).requires_grad_()
    hidden = mllm(torch.zeros(2, 2, 3, 16, 16), words, queries, torch.arange(2).expand(2, -1))
    (grad,) = torch.autograd.grad(hidden.square().mean(), queries)
    return hidden.detach(), grad


@pytest.mark.parametrize("how", ["frozen prefix", "whole", "checkpointed"])
def test_layers_of_an_mllm_share_a_graph_whichever_cache_they_have(how: str) -> None:
    torch._dynamo.reset()
    mllm = Mllm(str(NANO_MLLM), pretrained=False, attention="sdpa", gradient_checkpointing=how == "checkpointed")
    mllm.requires_grad_(False).frozen_prefix = how == "frozen prefix"
    words = [["make it night", "remove it"], ["remove the red circle that is left of the star", "make it night"]]
    expected = [asked(mllm, one) for one in words]
    graphs: list[int] = []

    def backend(graph: Any, _: Any) -> Any:
        graphs.append(1)
        return graph.forward

    blocks = compile_regions(mllm, backend=backend, fullgraph=True)
    found = [asked(mllm, one) for one in words]
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one - other).norm() <= 1e-5 * other.norm()
    layers = len(mllm.model.get_decoder().layers)
    assert len(blocks) > layers > 2
    passes = 1 if how == "whole" else 2  # with and without gradient
    assert len(graphs) <= 1 + 2 * passes  # one for the tower; two lengths of text; never one for each layer
    asked(mllm, words[0])
    assert len(graphs) <= 1 + 2 * passes
    alone = copy.deepcopy(mllm)
    assert all(block._compiled_call_impl is None for block in regions(alone))
    assert not any("forward" in vars(block) for block in regions(mllm))
