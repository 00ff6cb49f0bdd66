"""Training steps as CUDA graphs, where Python is what a step waits for."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.errors import UseError
from veggie_pl.training.graphed import GraphedLoss


class CudaGraphs(Callback):
    """Launch all kernels of forward and backward pass at once, as a graph captured from the first batch of each shape.

    Pays for small networks and few samples, whose kernels are shorter than the time that Python takes to launch them.
    The same kernels run on the same numbers: gradients are equal, and all chance is drawn before. Validation and edits
    go without.

    On an H100 nano's stage 1 takes 15 ms a step of 32 pictures instead of 129, and 40 ms of 256 instead of 160
    (docs/BENCHMARKS.md).

    Args:
        text_multiple: Instructions of a batch are filled up to a multiple of this many tokens.
        most: Shapes of batches that get a graph of their own, each with memory of its own.

    Raises:
        UseError: When training starts, if the run has no CUDA GPU or several, accumulates gradients, whose buffers the
            graph would write over, or has an MLLM that learns or asks the device while it runs.
    """

    def __init__(self, text_multiple: int = 16, most: int = 8) -> None:
        self.text_multiple, self.most = text_multiple, most

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look whether it can be, and take the place of the loss."""
        module: Any = pl_module
        check_graphable(module, trainer.world_size, trainer.accumulate_grad_batches)
        module.loss_of = GraphedLoss(module, self.text_multiple, self.most)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the loss its place again."""
        vars(pl_module).pop("loss_of", None)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Do the same."""
        vars(pl_module).pop("loss_of", None)


def check_graphable(module: Any, ranks: int, micro: int) -> None:
    """Look whether a step can be a CUDA graph.

    Args:
        module: A ``VeggieModule`` on its device, frozen as it will be trained.
        ranks: Of the run.
        micro: Batches of an optimizer step.

    Raises:
        UseError: If not; the message says what to change.
    """
    mllm = module.mllm
    if module.device.type != "cuda":
        raise UseError(f"CudaGraphs needs a CUDA GPU, and this run is on {module.device.type}: leave it out")
    if ranks > 1:
        raise UseError(f"CudaGraphs is for one GPU, and this run has {ranks} ranks: leave it out")
    if micro != 1:
        raise UseError(
            f"CudaGraphs keeps gradients in the graph, and accumulate_grad_batches is {micro}: set it to 1, with a "
            "larger batch_size"
        )
    if not mllm.frozen_prefix or any(p.requires_grad for p in mllm.parameters()):
        raise UseError("CudaGraphs needs a frozen MLLM, read after its prefix: freeze mllm, or leave it out")
    if not mllm.vision.counted_positions:
        raise UseError("CudaGraphs cannot be: this MLLM derives positions of its own while it runs; leave it out")
