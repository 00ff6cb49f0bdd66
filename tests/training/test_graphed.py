"""All around a CUDA graph, with operations of a CPU that are recorded and done again; and on a GPU, it."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from support.parts import make_batch, randomise_output, tiny_module
from support.tape import CpuTape
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from veggie_pl.batch import Batch
from veggie_pl.module import VeggieModule
from veggie_pl.training.graphed import GraphedLoss, _Fixed


def learner(video: bool = False) -> VeggieModule:
    module = tiny_module(video=video, drop_task=0.3, drop_source=0.3)
    randomise_output(module)
    module.mllm.requires_grad_(False).eval()
    return module


class Tapes(list[CpuTape]):
    """Makes a tape for each graph."""

    def __call__(self) -> CpuTape:
        self.append(CpuTape())
        return self[-1]


def gradients(module: VeggieModule, batch: Batch) -> tuple[Tensor, list[Tensor | None]]:
    loss = module.per_sample_loss(batch, "fit")
    learning = [p for p in module.parameters() if p.requires_grad]
    return loss.detach(), [*torch.autograd.grad(loss.mean(), learning, allow_unused=True)]


def assert_equal(module: VeggieModule, other: VeggieModule, batch: Batch, tolerance: float = 1e-6) -> None:
    (loss, found), (wanted, expected) = gradients(module, batch), gradients(other, batch)
    torch.testing.assert_close(loss, wanted, rtol=tolerance, atol=tolerance)
    pairs = [(one, two) for one, two in zip(found, expected, strict=True) if two is not None]
    assert len(pairs) > 20
    size = torch.stack([two.norm() for _, two in pairs]).norm()
    error = torch.stack([(one - two).norm() for one, two in pairs if one is not None]).norm()
    assert float(error / size) < tolerance


@pytest.mark.parametrize(("video", "mixed"), [(False, False), (False, True), (True, False)])
def test_gradients_are_equal_batch_after_batch_with_one_capture(video: bool, mixed: bool) -> None:
    module, tapes, other = learner(video), Tapes(), learner(video)
    module.loss_of = GraphedLoss(module, tape=tapes)  # type: ignore[method-assign]
    module.objective.change_weight = other.objective.change_weight = 5.0
    for seed in range(3):
        batch = make_batch(3, 2, seed)
        batch.index += 10 * seed
        batch.mask[:, :, 4 * seed :] = False
        words = ["remove the red circle", "make it night", "please locate the star"]  # 16 tokens at most
        batch.examples = [one._replace(instruction=words[(i + seed) % 3]) for i, one in enumerate(batch.examples)]
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            assert_equal(module, other, batch)
        for model in (module, other):  # as a step of an optimizer
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.data.mul_(0.9)
    assert [len(tape.runs) for tape in tapes] == [2]  # forward and backward
    assert module.mllm.frozen_prefix == "auto"


def test_a_shape_is_captured_once_and_too_many_go_without(caplog: pytest.LogCaptureFixture) -> None:
    module, tapes = learner(), Tapes()
    module.loss_of = GraphedLoss(module, most=2, tape=tapes)  # type: ignore[method-assign]
    with caplog.at_level("INFO", "veggie_pl"):
        for size, frames in ((2, 1), (1, 1), (2, 1), (1, 2), (1, 2), (1, 1)):
            assert_equal(module, learner(), make_batch(size, frames))
    assert len(tapes) == 2
    assert sum("2 CUDA graphs are there" in record.message for record in caplog.records) == 1


def test_without_gradient_nothing_is_captured_and_a_result_outlives_the_next(caplog: pytest.LogCaptureFixture) -> None:
    module, tapes = learner(), Tapes()
    module.loss_of = GraphedLoss(module, tape=tapes)  # type: ignore[method-assign]
    with torch.no_grad():
        module.per_sample_loss(make_batch(2, 1), "validate")
    assert not tapes
    assert module.mllm.prompt.text_multiple == 1


class Between(TorchDispatchMode):
    """Notes what goes from one device to another."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        both = [*args[:2], out]
        devices = {one.device.type for one in both if isinstance(one, Tensor) and one.ndim}
        if len(devices) > 1 or func.overloadpacket.__name__ == "lift_fresh":
            self.found.append(str(func))
        return out


def test_nothing_goes_between_host_and_device_in_the_graph() -> None:
    """By a device without data: nothing can be read from it, and a copy to it is seen."""
    module, batch = learner(video=True), make_batch(2, 2)
    module.objective.change_weight = 5.0
    drawn = module.draw(batch, "fit")
    module.to("meta")
    draws = replace(drawn.draws, **{name: value.to("meta") for name, value in vars(drawn.draws).items()})
    moved = {name: getattr(drawn, name).to("meta") for name in ("frame_index", "source", "target")}
    drawn, batch = replace(drawn, draws=draws, **moved), replace(batch, source=batch.source.to("meta"), target=None)
    graphed = GraphedLoss(module, tape=CpuTape)
    layout = graphed._layout(batch, drawn)
    for _ in range(2):  # the first moves tables to the device
        with graphed._asked_through(_Fixed(layout)), Between() as between:
            loss = type(module).loss_of(module, batch, drawn)
            loss.sum().backward()  # type: ignore[no-untyped-call]
    assert loss.device.type == "meta"
    assert between.found == []
    with Between() as between:
        torch.ones(3).to("meta")
    assert between.found == ["aten._to_copy.default"]


def test_a_step_that_reads_values_cannot_be_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    module = learner()
    module.loss_of = GraphedLoss(module, tape=CpuTape)  # type: ignore[method-assign]
    own: Callable[..., Tensor] = VeggieModule.loss_of
    for said, bad in (
        ("_local_scalar_dense", lambda loss: loss * float(loss.detach().sum())),
        ("lift_fresh", lambda loss: loss * torch.tensor([2.0])),
        ("randn_like", lambda loss: loss + torch.randn_like(loss)),
        ("index", lambda loss: loss[loss > 0]),
    ):
        monkeypatch.setattr(VeggieModule, "loss_of", lambda self, *asked, bad=bad: bad(own(self, *asked)))
        with pytest.raises(
            ValueError, match=rf"one CUDA graph \({said} cannot be captured\): train without CudaGraphs"
        ):
            module.per_sample_loss(make_batch(2, 1), "fit")


def test_no_step_lives_on_after_its_loss() -> None:
    """Or its leaves would keep the stream that they were made on, and a capture on another would end."""
    module, batch, alive = learner(), make_batch(2, 2), []

    class Kept:
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor.detach()
            alive.append(weakref.ref(self))

    gc.collect()
    gc.disable()
    try:
        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            loss = module.per_sample_loss(batch, "fit")
        assert sum(one() is not None for one in alive) > 100
        del loss
        assert not [one for one in alive if one() is not None]
    finally:
        gc.enable()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("video", [False, True])
def test_gradients_of_a_cuda_graph_are_equal(video: bool) -> None:
    module, other = learner(video).cuda(), learner(video).cuda()
    module.loss_of = GraphedLoss(module)  # type: ignore[method-assign]
    for seed in range(3):
        batch = make_batch(3, 2, seed)
        batch.source = batch.source.cuda()
        assert batch.target is not None
        batch.target = batch.target.cuda()
        assert_equal(module, other, batch, 1e-5)
