"""What an open-vocabulary detector answers: the interface shared by Moving Shapes' exact detector and GroundingDINO."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip


@dataclass(frozen=True)
class Detections:
    """What was found in one frame."""

    boxes: Float[Tensor, "n 4"]  # x0, y0, x1, y1 as fractions of width and height, in [0, 1]
    scores: Float[Tensor, " n"]  # confidence in [0, 1]


@runtime_checkable
class Detector(Protocol):
    """Finds a named object in frames.

    A class that configs name has to take the very types that stand here: ``Clip`` of ``veggie_pl.batch``.
    """

    def detect(self, frames: Clip, phrase: str) -> list[Detections]:
        """Return one ``Detections`` per frame for objects that ``phrase`` names, such as "red circle"."""
        ...
