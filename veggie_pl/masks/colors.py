"""The colours that masks are filled with, by name."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError

COLORS: dict[str, tuple[float, float, float]] = {  # RGB in [-1, 1]; corners of the cube, so that no fill hides another
    "red": (1.0, -1.0, -1.0),
    "green": (-1.0, 1.0, -1.0),
    "blue": (-1.0, -1.0, 1.0),
    "yellow": (1.0, 1.0, -1.0),
    "cyan": (-1.0, 1.0, 1.0),
    "magenta": (1.0, -1.0, 1.0),
}
OPACITY = 0.7  # of the fill; measured on the authors' pictures


def fill_color(fill: str, like: Tensor) -> Float[Tensor, "3 1 1"]:
    """The named colour on the device and in the type of ``like``.

    Raises:
        UseError: If there is no fill of this name.
    """
    if fill not in COLORS:
        raise UseError(f"unknown fill colour {fill!r}; the choices are {', '.join(COLORS)}")
    return torch.tensor(COLORS[fill], device=like.device, dtype=like.dtype)[:, None, None]


def check_fills(fills: Sequence[str], num_objects: int) -> None:
    """Each object needs a colour of its own.

    Raises:
        UseError: If there is no object, or not as many fills, or two alike.
    """
    if not num_objects or len(fills) != num_objects or len(set(fills)) != len(fills):
        raise UseError(f"{num_objects} objects need as many fill colours, at least one and no two alike: {[*fills]}")


def check_opacity(opacity: float) -> None:
    """A fill must leave a trace and no more than cover.

    Raises:
        UseError: If it is not in (0, 1].
    """
    if not 0 < opacity <= 1:
        raise UseError(f"the opacity of a fill must lie in (0, 1], got {opacity}")
