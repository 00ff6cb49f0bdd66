"""Which parts learn: a list of names in the config, and nothing in code."""

import logging
from collections.abc import Mapping
from typing import Any

from lightning import Callback, LightningModule, Trainer

from veggie_pl.callbacks.writers import tensorboard_writers
from veggie_pl.errors import UseError
from veggie_pl.models.parts import Part, denoiser_parts

log = logging.getLogger(__name__)


class Freeze(Callback):
    """Freeze the named submodules for a whole run; all others learn.

    Frozen parts stay in eval mode, also after validation, get no gradient and no optimizer state. LoRA adapters inside
    a frozen part do learn.

    Args:
        frozen: Dotted module names, such as ["vae", "mllm.model.model.vision_tower"]; also parts of the denoiser by
            names that mean the same on every backbone, such as "denoiser.self_attention" or "denoiser.all" (see
            ``denoiser_parts``), and "viddm.spatial" or "viddm.temporal".

    Raises:
        UseError: In ``apply``, if a name is not a submodule, or there are no layers of the kind.
    """

    def __init__(self, frozen: list[str]) -> None:
        self.frozen = frozen

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Freeze, between the building of the module and of its optimizer."""
        if stage == "fit":
            self.apply(pl_module)

    def apply(self, pl_module: LightningModule) -> None:
        """Mark what learns."""
        modules, parts = dict(pl_module.named_modules()), _denoiser_parts(pl_module)
        if unknown := [name for name in self.frozen if name not in modules and name not in parts]:
            children = [name for name, _ in pl_module.named_children()]
            raise UseError(
                f"cannot freeze {unknown}; the parts are {children}, and dotted names inside them; of the diffusion "
                f"model also {', '.join(sorted(parts))}"
            )
        # `train()` does not happen by itself: Lightning keeps the mode it finds, and loaders return eval mode.
        pl_module.requires_grad_(True)
        for name in self.frozen:
            for parameter in modules[name].parameters() if name in modules else parts[name].parameters:
                parameter.requires_grad_(False)
        for name, parameter in pl_module.named_parameters():
            if "lora_" in name:  # an adapter is there to learn while the part it sits in is frozen
                parameter.requires_grad_(True)
        pl_module.train()
        for name in self.frozen:
            for layer in [modules[name]] if name in modules else parts[name].layers:
                layer.eval()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what learns, in the log and in TensorBoard."""
        rows = [(name, *_count(part)) for name, part in pl_module.named_children()]
        total = (sum(row[1] for row in rows), sum(row[2] for row in rows))
        table = [f"| {name} | {learns:,} | {count:,} |" for name, learns, count in [*rows, ("in all", *total)]]
        text = "\n".join(["| part | parameters that learn | parameters |", "|---|---:|---:|", *table])
        text += f"\n\nfrozen: {', '.join(self.frozen) or 'nothing'}"
        if trainer.is_global_zero:
            log.info("what learns:\n%s", text)
        for writer in tensorboard_writers(trainer):
            writer.add_text("setup/what_learns", text, trainer.global_step)


def _denoiser_parts(pl_module: Any) -> Mapping[str, Part]:
    viddm = getattr(pl_module, "viddm", None)  # modules of tests may have none
    return {} if viddm is None else denoiser_parts(viddm)


def _count(part: Any) -> tuple[int, int]:
    sizes = [(p.numel(), p.requires_grad) for p in part.parameters()]
    return sum(size for size, learns in sizes if learns), sum(size for size, _ in sizes)
