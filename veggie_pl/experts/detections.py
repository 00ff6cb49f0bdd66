"""What an open-vocabulary detector answers: the interface shared by Moving Shapes' exact detector and GroundingDINO."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Detections:
    """What was found in one frame."""

    boxes: Float[Tensor, "n 4"]  # x0, y0, x1, y1 as shares of width and height, in [0, 1]
    scores: Float[Tensor, " n"]  # confidence in [0, 1]


@runtime_checkable
class Detector(Protocol):
    """Finds a named thing in frames."""

    def detect(self, frames: Float[Tensor, "f 3 h w"], phrase: str) -> list[Detections]:
        """Return one ``Detections`` per frame for things that ``phrase`` names, such as "red circle"."""
        ...
