"""torch.compile, where it pays and where it is right."""

import logging
from collections import Counter
from typing import Any

import torch
import torch._functorch.config
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models.regions import compile_regions, regions
from veggie_pl.module import VeggieModule

log = logging.getLogger(__name__)

TOLERANCE = 0.05  # of the gradient's norm: bfloat16 rounds otherwise when operations are fused
PARTS = ("mllm", "viddm", "vae")


class Compile(Callback):
    """Compile parts in place: names in checkpoints and model folders stay as they are.

    Pays for long runs on a GPU; the first steps wait for the compiler, again for every new shape of a batch. Not with
    FSDP2. The gradients of the first batch are compared with those without compiling: torch 2.13's inductor gives wrong
    ones for these UNets on a CPU (docs/BENCHMARKS.md), and a loss does not show that.

    Args:
        parts: Dotted module names, such as ["viddm.unet"]; None is all that have blocks to compile.
        backend: Of ``torch.compile``.
        mode: Of ``torch.compile``, such as "max-autotune-no-cudagraphs"; None is its default.
        by_region: One graph for all blocks of a kind, see ``compile_regions``: a minute for a UNet, where one graph of
            all takes many.
        memory_budget: Share of what a compiled block would keep for its backward pass that it may keep; the rest, what
            is cheap first, is computed again. In place of ``gradient_checkpointing`` of a part.

    Raises:
        ValueError: In ``setup``, if a name is no part of the module or has no blocks; before the first step, if
            gradients differ.
    """

    def __init__(
        self,
        parts: list[str] | None = None,
        backend: str = "inductor",
        mode: str | None = None,
        by_region: bool = True,
        memory_budget: float = 1.0,
    ) -> None:
        self.parts, self.backend, self.mode = parts, backend, mode
        self.by_region, self.memory_budget = by_region, memory_budget
        self.blocks: list[nn.Module] = []  # what was compiled
        self._is_checked = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compile before training or testing."""
        modules = dict(pl_module.named_modules())
        parts = [name for name in PARTS if any(regions(modules[name]))] if self.parts is None else self.parts
        if unknown := [name for name in parts if name not in modules]:
            choices = [name for name, _ in pl_module.named_children()]
            raise UseError(f"cannot compile {unknown}; the parts are {choices}, and dotted names inside them")
        torch._functorch.config.activation_memory_budget = self.memory_budget
        self.blocks = []
        for name in parts:
            if self.by_region:
                self.blocks += compile_regions(modules[name], backend=self.backend, mode=self.mode)
            else:
                modules[name].compile(backend=self.backend, mode=self.mode)
                self.blocks.append(modules[name])
        kinds = Counter(type(block).__name__ for block in self.blocks)
        log.info("compiled: %s", ", ".join(f"{count} {kind}" for kind, count in kinds.items()))

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Compare gradients, once."""
        if self._is_checked:
            return
        self._is_checked = True
        assert isinstance(pl_module, VeggieModule)
        learning = [p for p in pl_module.parameters() if p.requires_grad]

        def gradients() -> list[Tensor]:
            with trainer.precision_plugin.forward_context():
                loss = pl_module.per_sample_loss(batch, "fit").mean()
            found = torch.autograd.grad(loss, learning, allow_unused=True)
            return [torch.zeros(()) if one is None else one.float() for one in found]

        compiled = gradients()
        calls = [block._compiled_call_impl for block in self.blocks]
        try:
            for block in self.blocks:
                block._compiled_call_impl = None
            eager = gradients()
        finally:
            for block, call in zip(self.blocks, calls, strict=True):
                block._compiled_call_impl = call
        size = torch.stack(torch._foreach_norm(eager)).norm()
        error = float(torch.stack(torch._foreach_norm(torch._foreach_sub(compiled, eager))).norm() / size)
        if not error < TOLERANCE:
            raise UseError(
                f"compiled by {self.backend}, the gradients of the first batch are off by {100 * error:.0f} % of their "
                "norm: train without Compile, or try another backend"
            )
