"""Compiled runs are the same runs, or are stopped."""

import pytest
import torch
from lightning import Callback
from support.parts import fit, make_data, randomise_output, tiny_module
from torch._dynamo import lookup_backend, register_backend

from veggie_pl.callbacks import Compile


@register_backend
def forgetful(graph, inputs):
    """A compiler that gets the values right and loses gradients."""
    return lambda *args: [out.detach() * 1.0 + 0.5 * (out - out.detach()) for out in graph(*args)]


COMPILED: list[int] = []  # operations of each graph that came to the compiler


@register_backend
def counted(graph, inputs):
    """A compiler that says what comes to it."""
    COMPILED.append(len(graph.graph.nodes))
    return lookup_backend("aot_eager")(graph, inputs)


def test_compiled_run_is_the_same_run_and_leaves_the_same_names() -> None:
    losses: dict[str, list[float]] = {}

    class Trace(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            losses.setdefault(name, []).append(outputs["loss"].item())

    compile_it = Compile(["viddm.unet"], backend="counted")
    modules = {name: tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5)) for name in ("eager", "compiled")}
    for name, module in modules.items():
        randomise_output(module)
        fit(module, make_data(), 3, callbacks=[Trace(), *([compile_it] if name == "compiled" else [])])
        assert (sum(COMPILED) > 100) == (name == "compiled")  # all of the UNet
    assert losses["compiled"] == pytest.approx(losses["eager"], rel=1e-4)
    assert modules["compiled"].state_dict().keys() == modules["eager"].state_dict().keys()


def test_a_compiler_with_wrong_gradients_is_found_out() -> None:
    module = tiny_module()
    randomise_output(module)
    with pytest.raises(ValueError, match="compiled by forgetful, the gradients of the first batch are off by 50 %"):
        fit(module, make_data(), 1, callbacks=[Compile(["viddm.unet"], backend="forgetful", by_region=False)])


def test_wrong_gradients_of_regions_are_found_out() -> None:
    module = tiny_module()
    randomise_output(module)
    with pytest.raises(ValueError, match="compiled by forgetful, the gradients of the first batch are off by"):
        fit(module, make_data(), 1, callbacks=[Compile(backend="forgetful")])  # parts without blocks are left out


def test_compiling_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"cannot compile \['vidm'\]; the parts are \['mllm'"):
        fit(tiny_module(), make_data(), 1, callbacks=[Compile(["vidm"])])
