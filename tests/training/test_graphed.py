"""All around a CUDA graph, with a stand-in for the capture that reads nothing but its own buffers; and on a GPU, it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.parts import make_batch, randomise_output, tiny_module
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from veggie_pl.batch import Batch
from veggie_pl.module import VeggieModule
from veggie_pl.training.graphed import GraphedLoss

# Each would make the host wait for the device, or read memory of its own.
ASKING = {"_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "is_nonzero", "equal", "unique"}


def learner(video: bool = False) -> VeggieModule:
    module = tiny_module(video=video, drop_task=0.3, drop_source=0.3)
    randomise_output(module)
    module.mllm.requires_grad_(False).eval()
    return module


class Captures:
    """Calls the function on its own buffers, into which arguments are copied, as a graph replays."""

    def __init__(self) -> None:
        self.functions: list[Callable[..., Tensor]] = []

    def __call__(self, function: Callable[..., Tensor], buffers: tuple[Tensor, ...], **options: Any) -> Any:
        assert not torch.is_autocast_cache_enabled()
        assert options["allow_unused_input"]
        self.functions.append(function)

        def replay(*given: Tensor) -> Tensor:
            for buffer, tensor in zip(buffers, given, strict=True):
                if buffer is not tensor:
                    assert not tensor.requires_grad
                    buffer.copy_(tensor)
            return function(*buffers)

        return replay


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


@pytest.mark.parametrize("video", [False, True])
def test_gradients_are_equal_batch_after_batch_with_one_capture(video: bool) -> None:
    module, captures = learner(video), Captures()
    module.loss_of = GraphedLoss(module, capture=captures)  # type: ignore[method-assign]
    for seed in range(3):
        batch = make_batch(3, 2, seed)
        batch.index += 10 * seed
        words = ["remove the red circle", "make it night", "please locate the star"]  # 16 tokens at most
        batch.examples = [one._replace(instruction=words[(i + seed) % 3]) for i, one in enumerate(batch.examples)]
        assert_equal(module, learner(video), batch)
    assert len(captures.functions) == 1


def test_a_shape_is_captured_once_and_too_many_go_without(caplog: pytest.LogCaptureFixture) -> None:
    module, captures = learner(), Captures()
    module.loss_of = GraphedLoss(module, most=2, capture=captures)  # type: ignore[method-assign]
    with caplog.at_level("INFO", "veggie_pl"):
        for size, frames in ((2, 1), (1, 1), (2, 1), (1, 2), (1, 2), (1, 1)):
            assert_equal(module, learner(), make_batch(size, frames))
    assert len(captures.functions) == 2
    assert sum("2 CUDA graphs are there" in record.message for record in caplog.records) == 1


def test_without_gradient_nothing_is_captured_and_a_result_outlives_the_next(caplog: pytest.LogCaptureFixture) -> None:
    module, captures = learner(), Captures()
    module.loss_of = GraphedLoss(module, capture=captures)  # type: ignore[method-assign]
    with torch.no_grad():
        module.per_sample_loss(make_batch(2, 1), "validate")
    assert not captures.functions
    assert module.mllm.prompt.text_multiple == 1


@pytest.mark.parametrize("video", [False, True])
def test_nothing_in_the_graph_asks_the_device(video: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_DISABLE_TORCH_CHECK", "1")  # as it is where a model reads on a GPU

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            empty = bool(args) and isinstance(args[0], Tensor) and args[0].numel() == 0  # of which nothing is copied
            assert empty or func.overloadpacket.__name__ not in ASKING, func
            return func(*args, **(kwargs or {}))

    def watched(function: Callable[..., Tensor], buffers: tuple[Tensor, ...], **options: Any) -> Any:
        def replay(*given: Tensor) -> Tensor:
            function(*buffers)  # the first moves tables to the device
            with Watch():
                loss = function(*buffers)
                loss.sum().backward()
            return loss

        return replay

    module = learner(video)
    module.loss_of = GraphedLoss(module, capture=watched)  # type: ignore[method-assign]
    module.per_sample_loss(make_batch(2, 2), "fit")


def test_a_step_that_cannot_be_captured_is_one_clear_error() -> None:
    def fails(*_: Any, **options: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    module = learner()
    module.loss_of = GraphedLoss(module, capture=fails)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"one CUDA graph \(operation not permitted when stream is capturing\): train"):
        module.per_sample_loss(make_batch(2, 1), "fit")


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
