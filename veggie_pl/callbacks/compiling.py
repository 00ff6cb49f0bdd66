"""torch.compile, where it pays."""

from lightning import Callback, LightningModule, Trainer


class Compile(Callback):
    """Compile parts in place: names in checkpoints and model folders stay as they are.

    Pays for long runs on a GPU; the first steps wait for the compiler, again for every new shape of a batch. Not with
    FSDP2. On a CPU at nano size it is slower than eager (docs/BENCHMARKS.md).

    Args:
        parts: Dotted module names, such as ["viddm.unet"].
        backend: Of ``torch.compile``.
        mode: Of ``torch.compile``, such as "max-autotune-no-cudagraphs"; None is its default.

    Raises:
        ValueError: In ``setup``, if a name is no part of the module.
    """

    def __init__(self, parts: list[str], backend: str = "inductor", mode: str | None = None) -> None:
        self.parts, self.backend, self.mode = parts, backend, mode

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before training or testing."""
        modules = dict(pl_module.named_modules())
        if unknown := [name for name in self.parts if name not in modules]:
            choices = [name for name, _ in pl_module.named_children()]
            raise ValueError(f"cannot compile {unknown}; the parts are {choices}, and dotted names inside them")
        for name in self.parts:
            modules[name].compile(backend=self.backend, mode=self.mode)
