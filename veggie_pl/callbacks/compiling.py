"""torch.compile, where it pays and where it is right."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.module import VeggieModule

TOLERANCE = 0.05  # of the gradient's norm: bfloat16 rounds otherwise when operations are fused


class Compile(Callback):
    """Compile parts in place: names in checkpoints and model folders stay as they are.

    Pays for long runs on a GPU; the first steps wait for the compiler, again for every new shape of a batch. Not with
    FSDP2. The gradients of the first batch are compared with those without compiling: torch 2.13's inductor gives wrong
    ones for these UNets on a CPU (docs/BENCHMARKS.md), and a loss does not show that.

    Args:
        parts: Dotted module names, such as ["viddm.unet"].
        backend: Of ``torch.compile``.
        mode: Of ``torch.compile``, such as "max-autotune-no-cudagraphs"; None is its default.

    Raises:
        ValueError: In ``setup``, if a name is no part of the module; before the first step, if gradients differ.
    """

    def __init__(self, parts: list[str], backend: str = "inductor", mode: str | None = None) -> None:
        self.parts, self.backend, self.mode = parts, backend, mode
        self._is_checked = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compile before training or testing."""
        modules = dict(pl_module.named_modules())
        if unknown := [name for name in self.parts if name not in modules]:
            choices = [name for name, _ in pl_module.named_children()]
            raise UseError(f"cannot compile {unknown}; the parts are {choices}, and dotted names inside them")
        for name in self.parts:
            modules[name].compile(backend=self.backend, mode=self.mode)

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
        parts: list[nn.Module] = [pl_module.get_submodule(name) for name in self.parts]
        calls = [part._compiled_call_impl for part in parts]
        try:
            for part in parts:
                part._compiled_call_impl = None
            eager = gradients()
        finally:
            for part, call in zip(parts, calls, strict=True):
                part._compiled_call_impl = call
        size = torch.stack(torch._foreach_norm(eager)).norm()
        error = float(torch.stack(torch._foreach_norm(torch._foreach_sub(compiled, eager))).norm() / size)
        if not error < TOLERANCE:
            raise UseError(
                f"compiled by {self.backend}, the gradients of the first batch are off by {100 * error:.0f} % of their "
                "norm: train without Compile, or try another backend"
            )
