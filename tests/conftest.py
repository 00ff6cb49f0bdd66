"""Settings of every test process.

The process that hands tests out to others (`-n 2`) runs none: nothing is imported here that it would wait for.
"""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import shapes_checked

if TYPE_CHECKING:
    from support.starts import Starts

    from veggie_pl.model import VeggieModel

shapes_checked.install()
gc.disable()  # until all tests are imported: see `veggie_pl.commands.lean`
os.environ["HF_HUB_OFFLINE"] = "1"  # nothing may be fetched
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of what tests start: threads that wait for each other burn the cores
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Settle what all tests of this process share, once they are imported; the one that runs none has none."""
    gc.freeze()
    gc.enable()
    if session.items:
        import torch

        from veggie_pl.training.precision import VARIABLE, best_precision

        torch.set_num_threads(1)  # results do not depend on the machine's cores, and parallel processes do not fight
        # One answer for all test processes and what they start.
        os.environ.setdefault(VARIABLE, best_precision("cpu").precision)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of a tiny video model with random weights, at 16 pixels."""
    from support.parts import randomise_output, tiny_module

    from veggie_pl.model_folder import save_model

    module = tiny_module(video=True, num_steps=2)
    randomise_output(module)
    folder = tmp_path_factory.mktemp("trained") / "model"
    save_model(module, folder)
    return folder


@pytest.fixture(scope="session")
def halved_model(model_folder: Path) -> "VeggieModel":
    """That model with its large tensors rounded to 16 bits, as its graphs store them."""
    from veggie_pl.inference.onnx_graphs import LEAST_HALVED
    from veggie_pl.model_folder import load_model

    model: VeggieModel = load_model(model_folder)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and tensor.numel() >= LEAST_HALVED:
            tensor.data = tensor.data.half().float()
    return model.eval()


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    """That model as graphs of ONNX, with weights in 16 bits."""
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed: the extra [onnx] of the project brings it")
    from veggie_pl.cli import main

    folder = tmp_path_factory.mktemp("onnx") / "graphs"
    main(["export", "--from", str(model_folder), "--onnx", str(folder), "--half"])
    return folder


@pytest.fixture(scope="session")
def starts(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Starts]":
    """Starts processes of the command line."""
    from support.starts import Starts

    one = Starts(tmp_path_factory.mktemp("starts"))
    yield one
    one.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write tests/golden anew, to be reviewed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no GPU")
