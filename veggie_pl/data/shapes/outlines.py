"""Outlines: signed distances of the shapes, and how much of each pixel they cover."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.scene import Thing
from veggie_pl.errors import UseError

Plane = NDArray[np.floating[Any]]  # float32

SQUARE = 0.88  # half side, in radii
POINTED = 1.2  # circumradius of triangle, star and diamond, in radii
STAR_INNER = 0.45  # inner corners of the star, as a share of its circumradius
CROSS_LONG, CROSS_WIDE = 1.05, 0.4  # half length and half width of an arm, in radii
RING_MIDDLE, RING_HALF = 0.78, 0.27  # radius of the ring's middle and half its width, in radii


def signed_distance(shape: str, x: Plane, y: Plane, radius: float) -> Plane:
    """Distance to the outline in the unit of x, y and radius, negative inside; y points down.

    Exact near the outline, which is where anti-aliasing reads it.

    Raises:
        UseError: If there is no such shape.
    """
    if shape not in _DISTANCES:
        raise UseError(f"unknown shape {shape!r}; the choices are {', '.join(_DISTANCES)}")
    return _DISTANCES[shape](x, y, radius)


def area(shape: str) -> float:
    """Area for a radius of one."""
    areas = {
        "circle": np.pi,
        "square": 4 * SQUARE**2,
        "triangle": 0.75 * np.sqrt(3) * POINTED**2,
        "star": 5 * POINTED**2 * STAR_INNER * np.sin(np.pi / 5),
        "diamond": 2 * POINTED**2,
        "cross": 8 * CROSS_LONG * CROSS_WIDE - 4 * CROSS_WIDE**2,
        "ring": 4 * np.pi * RING_MIDDLE * RING_HALF,
    }
    return float(areas[shape])


def coverage(thing: Thing, size: int, num_frames: int) -> tuple[Plane, tuple[slice, slice]]:
    """Share of each pixel inside the outline, (f or 1, h', w'), with the rows and columns of the frame it is for.

    The window holds all that the thing touches in the clip; a thing at rest has one frame for all.
    """
    path = thing.path(num_frames)
    moves = bool((path[1:] != path[0]).any())
    centres = (path if moves else path[:1]) * size
    reach = thing.reach * size + 1
    low = np.maximum(np.floor(centres.min(0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(centres.max(0) + reach), size).astype(int)
    x = np.arange(low[0], high[0], dtype=np.float32)[None, None, :] + 0.5 - centres[:, 0, None, None]
    y = np.arange(low[1], high[1], dtype=np.float32)[None, :, None] + 0.5 - centres[:, 1, None, None]
    inside = 0.5 - signed_distance(thing.shape, x, y, thing.radius * size)
    return np.clip(inside, 0, 1), (slice(low[1], high[1]), slice(low[0], high[0]))


def _circle(x: Plane, y: Plane, radius: float) -> Plane:
    return np.sqrt(x * x + y * y) - radius


def _square(x: Plane, y: Plane, radius: float) -> Plane:
    return np.maximum(np.abs(x), np.abs(y)) - SQUARE * radius


def _triangle(x: Plane, y: Plane, radius: float) -> Plane:
    sides = np.float32(np.sqrt(0.75)) * np.abs(x) - 0.5 * y
    return np.maximum(sides, y) - 0.5 * POINTED * radius


def _star(x: Plane, y: Plane, radius: float) -> Plane:
    # Fold the plane into one tenth, then the distance to one edge (I. Quilez, "2D distance functions").
    cos, sin = np.float32(np.cos(np.pi / 5)), np.float32(np.sin(np.pi / 5))
    outer = POINTED * radius
    x, y = np.abs(x), -y
    for side in (1, -1):
        beyond = 2 * np.maximum(side * cos * x - sin * y, 0)
        x, y = x - side * cos * beyond, y + sin * beyond
    x, y = np.abs(x), y - outer
    edge_x, edge_y = STAR_INNER * sin, STAR_INNER * cos - 1
    along = np.clip((x * edge_x + y * edge_y) / (edge_x**2 + edge_y**2), 0, outer)
    away = np.sqrt((x - edge_x * along) ** 2 + (y - edge_y * along) ** 2)
    return np.copysign(away, y * edge_x - x * edge_y)


def _diamond(x: Plane, y: Plane, radius: float) -> Plane:
    return (np.abs(x) + np.abs(y) - POINTED * radius) * np.float32(np.sqrt(0.5))


def _cross(x: Plane, y: Plane, radius: float) -> Plane:
    x, y = np.abs(x), np.abs(y)
    long, wide = np.maximum(x, y), np.minimum(x, y)
    return np.maximum(long - CROSS_LONG * radius, wide - CROSS_WIDE * radius)


def _ring(x: Plane, y: Plane, radius: float) -> Plane:
    return np.abs(np.sqrt(x * x + y * y) - RING_MIDDLE * radius) - RING_HALF * radius


_DISTANCES: dict[str, Callable[[Plane, Plane, float], Plane]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "diamond": _diamond,
    "cross": _cross,
    "ring": _ring,
}
