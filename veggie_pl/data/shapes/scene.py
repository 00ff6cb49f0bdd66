"""A scene is data: what moves where, in front of what. Everything else is a function of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.vocabulary import MOTIONS, SIZES, SPEEDS

CLIP = 8  # frames in which an object covers its speed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Thing:
    """An object; places and sizes are shares of the picture's side."""

    shape: str
    color: str
    size: str
    x: float  # centre at frame 0, to the right
    y: float  # downwards
    texture: str = "plain"
    motion: str = "static"
    speed: str = "slow"  # of no effect on static things

    @property
    def phrase(self) -> str:
        """How an instruction names it."""
        return f"{self.color} {self.shape}"

    @property
    def radius(self) -> float:
        """Half its width."""
        return SIZES[self.size]

    @property
    def pace(self) -> float:
        """Way covered in a clip."""
        return 0.0 if self.motion == "static" else SPEEDS[self.speed]

    def path(self, num_frames: int) -> Array:
        """Centres, (frames, 2)."""
        step = np.asarray(MOTIONS[self.motion]) * self.pace / (CLIP - 1)
        return np.asarray([self.x, self.y]) + np.arange(num_frames)[:, None] * step  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Scene:
    """Things in drawing order, the last in front."""

    background: str
    things: tuple[Thing, ...]
    phase: float = 0.0  # of the background's animation, in [0, 1)
    style: str = ""
