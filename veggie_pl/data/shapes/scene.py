"""A scene of Moving Shapes as plain data: what is there, where, and how it moves."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.vocabulary import DIRECTIONS, SIZES, SPEEDS

Path = NDArray[np.float32]  # (f, 2): x, y as shares of the frame

# Largest reach from the centre, in radii.
REACH = {"circle": 1.0, "square": 0.88, "triangle": 1.2, "star": 1.2, "diamond": 1.2, "cross": 1.05, "ring": 1.05}
CIRCLE_RADIUS = 0.12
CHECKS = 8  # moments of a clip at which places are checked


@dataclass(frozen=True)
class Motion:
    """How a centre moves in clip time, which runs from 0 (first frame) to 1 (last frame) whatever the frame count."""

    name: str = "static"  # a word of the vocabulary's motions
    velocity: tuple[float, float] = (0.0, 0.0)  # frame widths per clip
    acceleration: tuple[float, float] = (0.0, 0.0)  # frame widths per clip squared
    radius: float = 0.0  # of one clockwise round
    pace: str = ""  # "slowly", "fast"; empty if static

    @property
    def direction(self) -> str:
        """left, right, up, down; empty for the static and for the circling."""
        last = self.name.split()[-1]
        return last if last in DIRECTIONS else ""


def make_motion(name: str, pace: str) -> Motion:
    """The motion of this name, e.g. "left", "accelerate up", "circle", at a pace of ``SPEEDS``."""
    if name == "static":
        return Motion()
    if name == "circle":
        return Motion(name, radius=CIRCLE_RADIUS, pace="fast")
    x, y = DIRECTIONS[name.split()[-1]]
    speed = SPEEDS[pace]
    if name.startswith("accelerate"):  # the same way in all, from rest
        return Motion(name, acceleration=(2 * x * speed, 2 * y * speed), pace=pace)
    return Motion(name, velocity=(x * speed, y * speed), pace=pace)


@dataclass(frozen=True)
class Thing:
    """One object."""

    shape: str
    color: str
    texture: str
    size: str
    motion: Motion = Motion()
    start: tuple[float, float] = (0.5, 0.5)  # centre in the first frame, shares of the frame

    @property
    def radius(self) -> float:
        """As a share of the frame."""
        return SIZES[self.size]

    @property
    def reach(self) -> float:
        """Farthest extent from the centre along an axis, as a share of the frame."""
        return SIZES[self.size] * REACH[self.shape]

    @property
    def phrase(self) -> str:
        """What names it: texture unless plain, colour, shape."""
        return phrase_of(self.texture, self.color, self.shape)

    def path(self, num_frames: int) -> Path:
        """The centre in every frame."""
        return np.asarray(self.start, np.float32) + displacement(self.motion, num_frames)

    def stays_in_frame(self) -> bool:
        """Whether all of it is seen all the time, if nothing is in front."""
        path = self.path(CHECKS)
        return bool(path.min() >= self.reach and path.max() <= 1 - self.reach)


@dataclass(frozen=True)
class Background:
    """What is behind; drifting kinds move by ``speed`` widths per clip."""

    kind: str
    phase: float = 0.0  # in [0, 1): share of the width at the first frame
    speed: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything that decides the pixels."""

    background: Background
    things: tuple[Thing, ...]  # from back to front
    style: str = ""
    shadows: bool = field(default=False, repr=False)  # whether things cast, see ``casts``; fingerprints name it apart


def phrase_of(texture: str, color: str, shape: str) -> str:
    """A noun phrase such as "red circle" or "striped blue star"."""
    return f"{color} {shape}" if texture == "plain" else f"{texture} {color} {shape}"


def frame_times(num_frames: int) -> NDArray[np.float32]:
    """Clip time of each frame, from 0 to 1; a single frame is at 0."""
    return np.linspace(0, 1, num_frames, dtype=np.float32) if num_frames > 1 else np.zeros(1, np.float32)


@lru_cache(maxsize=256)
def displacement(motion: Motion, num_frames: int) -> Path:
    """How far the centre is from its start in every frame."""
    times = frame_times(num_frames)[:, None]
    moved = times * np.asarray(motion.velocity) + times**2 / 2 * np.asarray(motion.acceleration)
    angle = 2 * np.pi * times[:, 0]
    moved += motion.radius * np.stack([np.cos(angle) - 1, np.sin(angle)], axis=1)
    path: Path = moved.astype(np.float32)
    path.setflags(write=False)  # it is shared
    return path
