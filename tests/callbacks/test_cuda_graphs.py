"""Where CUDA graphs cannot be, one line says so when training starts."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.parts import fit, make_data, tiny_module
from support.tape import CpuTape

from veggie_pl.callbacks import CudaGraphs, Freeze, cuda_graphs
from veggie_pl.callbacks.cuda_graphs import check_graphable
from veggie_pl.module import VeggieModule
from veggie_pl.training.graphed import GraphedLoss


def check(device: str = "cuda", ranks: int = 1, micro: int = 1, **changes: Any) -> None:
    given = {"frozen_prefix": True, "parameters": list, "vision": SimpleNamespace(counted_positions=True), **changes}
    check_graphable(SimpleNamespace(mllm=SimpleNamespace(**given), device=torch.device(device)), ranks, micro)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"device": "cpu"}, "needs a CUDA GPU, and this run is on cpu: leave it out"),
        ({"ranks": 2}, "for one GPU, and this run has 2 ranks"),
        ({"micro": 4}, "accumulate_grad_batches is 4: set it to 1"),
        ({"frozen_prefix": False}, "needs a frozen MLLM"),
        ({"parameters": lambda: [torch.nn.Parameter(torch.ones(1))]}, "needs a frozen MLLM"),
        ({"vision": SimpleNamespace(counted_positions=False)}, "derives positions of its own"),
    ],
)
def test_what_cannot_be_is_one_line(given: dict[str, Any], said: str) -> None:
    check()
    with pytest.raises(ValueError, match=said):
        check(**given)


def test_a_run_on_a_cpu_is_refused() -> None:
    module = tiny_module()
    with pytest.raises(ValueError, match="CudaGraphs needs a CUDA GPU"):
        fit(module, make_data(), 1, callbacks=[CudaGraphs()])
    assert "loss_of" not in vars(module)


def test_a_run_with_graphs_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations of a CPU are recorded here, in training and not in validation."""
    tapes: list[CpuTape] = []

    def tape() -> CpuTape:
        tapes.append(CpuTape())
        return tapes[-1]

    def trained(*callbacks: Any) -> VeggieModule:
        module = tiny_module()
        fit(module, make_data(num_val=1), 2, callbacks=[Freeze(["vae", "mllm"]), *callbacks], val_check_interval=1)
        return module

    plain = trained()
    monkeypatch.setattr(cuda_graphs, "check_graphable", lambda module, ranks, micro: None)
    monkeypatch.setattr(cuda_graphs, "GraphedLoss", partial(GraphedLoss, tape=tape))
    module = trained(CudaGraphs(text_multiple=1))
    assert tapes
    assert all(len(one.runs) == 2 for one in tapes)  # forward and backward of a shape
    assert "loss_of" not in vars(module)
    for (name, one), other in zip(module.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name)
