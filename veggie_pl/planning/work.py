"""What a stretch of a training step asks of a device, in numbers that hold for every device."""

from dataclasses import dataclass, field, fields
from typing import Literal

How = Literal["called", "again", "replayed"]
Kind = Literal["convolution", "product", "attention"]


@dataclass
class Work:
    """Counts that add up.

    Args:
        convolution: Floating-point operations of convolutions, as torch counts them.
        product: Of matrix products.
        attention: Of fused attention.
        full: Of convolutions and products in float32, which are slower by ``Device.full``.
        moved: Bytes read and written by all other operations: elementwise, norms, sums, copies, casts.
        turned: Bytes read and written by convolutions, which fast kernels want in another layout, and back.
        read: Bytes read and written by matrix products and attention.
        kernels: Operations that run on the device; views do not.
        called: Operations started from Python, views included: the forward pass.
        again: Those of checkpointing, in the backward pass.
        replayed: Those of autograd's own, in the backward pass.
    """

    convolution: float = 0.0
    product: float = 0.0
    attention: float = 0.0
    full: float = 0.0
    moved: float = 0.0
    turned: float = 0.0
    read: float = 0.0
    kernels: float = 0.0
    called: float = 0.0
    again: float = 0.0
    replayed: float = 0.0

    @property
    def flops(self) -> float:
        """Of all kinds."""
        return self.convolution + self.product + self.attention + self.full

    def __add__(self, other: "Work") -> "Work":
        """Add up, count by count."""
        return Work(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def add(self, kind: Kind | None, flops: float, moved: float, full: bool = False) -> None:
        """Count one kernel; ``kind`` is None for what is neither a product, a convolution nor attention."""
        self.kernels += 1
        if kind is None:
            self.moved += moved
            return
        name = "full" if full and kind != "attention" else kind
        setattr(self, name, getattr(self, name) + flops)
        if kind == "convolution":
            self.turned += moved
        else:
            self.read += moved


def total(works: "list[Work]") -> Work:
    """Add up several."""
    return sum(works, Work())


@dataclass
class Phase:
    """A part of a step that comes before the next one: codec, MLLM, diffusion model, backward pass, update.

    Args:
        name: Of these.
        parts: Its work, by the model's part.
    """

    name: str
    parts: dict[str, Work] = field(default_factory=dict)

    def of(self, part: str) -> Work:
        """Give the work of a part, to be added to."""
        return self.parts.setdefault(part, Work())

    @property
    def work(self) -> Work:
        """Of all parts."""
        return total(list(self.parts.values()))
