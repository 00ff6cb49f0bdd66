"""Scene -> frames, anti-aliased; on small pictures this is the time a sample takes."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.shapes.scene import CLIP, Scene, Thing
from veggie_pl.data.shapes.vocabulary import COLORS

Float = NDArray[np.float32]


def render(scene: Scene, num_frames: int, size: int) -> Float:
    """Frames (f, size, size, 3) in [0, 1]."""
    frames = _background(scene.background, scene.phase, num_frames, size).copy()
    for thing in scene.things:
        cover, color = _cover(thing, num_frames, size)[..., None], _color(thing, num_frames, size)
        frames += cover * (color - frames)
    return stylize(frames, scene.style)


def visible(scene: Scene, which: int, num_frames: int, size: int) -> NDArray[np.bool_]:
    """Where thing number ``which`` shows, (f, size, size): more than half of the pixel is its own."""
    seen = _cover(scene.things[which], num_frames, size)
    for thing in scene.things[which + 1 :]:
        seen = seen * (1 - _cover(thing, num_frames, size))
    return seen > 0.5


def stylize(frames: Float, style: str) -> Float:
    """A style is a function of pixels."""
    if not style:
        return frames
    gray = frames @ np.asarray([0.299, 0.587, 0.114], dtype=np.float32)
    if style == "negative":
        return 1 - frames
    if style == "black-and-white":
        return np.repeat(gray[..., None], 3, -1)
    if style == "sepia":
        return np.clip(gray[..., None] * np.asarray([1.15, 0.85, 0.55], dtype=np.float32), 0, 1)
    if style == "posterized":
        return np.round(frames * 2) / 2  # type: ignore[no-any-return]
    if style == "pixel-art":
        f, h, w, _ = frames.shape
        return frames.reshape(f, h // 4, 4, w // 4, 4, 3).mean((2, 4)).repeat(4, 1).repeat(4, 2)  # type: ignore[no-any-return]
    raise ValueError(f"unknown style {style!r}")


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[Float, Float]:
    """Pixel centres as shares of the side: x (1, 1, size), y (1, size, 1)."""
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return centres[None, None, :], centres[None, :, None]


def _cover(thing: Thing, num_frames: int, size: int) -> Float:
    """Share of each pixel that the thing covers, (f, size, size), from the signed distance to its outline."""
    x, y = _grid(size)
    path = thing.path(num_frames).astype(np.float32)
    dx, dy = x - path[:, 0, None, None], y - path[:, 1, None, None]
    return np.clip(0.5 - _distance(thing.shape, dx, dy, np.float32(thing.radius)) * size, 0, 1)


def _distance(shape: str, dx: Float, dy: Float, radius: np.float32) -> Float:
    """Signed distance to the outline, negative inside; exact near straight edges, close elsewhere."""
    ax, ay = np.abs(dx), np.abs(dy)
    if shape == "circle":
        return np.sqrt(dx * dx + dy * dy) - radius  # type: ignore[no-any-return]
    if shape == "ring":
        return np.abs(np.sqrt(dx * dx + dy * dy) - 0.7 * radius) - 0.3 * radius  # type: ignore[no-any-return]
    if shape == "square":
        return np.maximum(ax, ay) - 0.88 * radius
    if shape == "diamond":
        return (ax + ay - 1.15 * radius) * np.float32(0.70710678)
    if shape == "triangle":
        return np.maximum(dy - 0.8 * radius, ax * 0.894427 - dy * 0.447214 - 0.42 * radius)
    if shape == "cross":
        arm = 0.36 * radius
        return np.minimum(np.maximum(ax - arm, ay - radius), np.maximum(ax - radius, ay - arm))
    if shape == "star":
        turn = np.float32(2 * np.pi / 5)
        angle = np.abs(np.mod(np.arctan2(dx, -dy) + turn / 2, turn) - turn / 2)  # folded: 0 at a tip
        length = np.sqrt(dx * dx + dy * dy)
        tip, notch = 1.2 * radius, 0.5 * radius
        px, py = notch * np.cos(turn / 2), notch * np.sin(turn / 2)  # the edge runs from the tip to the notch
        normal = np.hypot(py, tip - px)
        across = (length * np.cos(angle) - tip) * py + length * np.sin(angle) * (tip - px)
        return (across / normal).astype(np.float32)  # type: ignore[no-any-return]
    raise ValueError(f"unknown shape {shape!r}")


def _color(thing: Thing, num_frames: int, size: int) -> Float:
    color = np.asarray(COLORS[thing.color], dtype=np.float32)
    if thing.texture == "plain":
        return color
    # Stripes travel with the thing: four of them across, at 45 degrees.
    x, y = _grid(size)
    path = thing.path(num_frames).astype(np.float32)
    along = (x - path[:, 0, None, None]) + (y - path[:, 1, None, None])
    dark = 0.5 + 0.5 * np.clip(size * 0.06 * np.sin(along * np.float32(2 * np.pi / (0.75 * thing.radius))), -1, 1)
    return color * (1 - 0.65 * dark[..., None])  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _background(kind: str, phase: float, num_frames: int, size: int) -> Float:
    """Backgrounds are muted, so that none has the colour of a thing; each moves a little."""
    x, y = _grid(size)
    clock = ((np.arange(num_frames) / CLIP + phase) * 2 * np.pi).astype(np.float32)[:, None, None]
    turn = np.float32(2 * np.pi)

    def mix(share: Float, first: tuple[float, float, float], second: tuple[float, float, float]) -> Float:
        share = np.broadcast_to(np.clip(share, 0, 1), (num_frames, size, size))[..., None]
        return (share * np.float32(second) + (1 - share) * np.float32(first)).astype(np.float32)  # type: ignore[no-any-return]

    if kind == "beach":  # sea above a moving waterline, sand below
        return mix(
            (y - 0.45 - 0.05 * np.sin(turn * x * 1.5 + clock)) * size / 2, (0.55, 0.70, 0.76), (0.83, 0.76, 0.61)
        )
    if kind == "night":  # twinkling stars
        stars = np.maximum(np.cos(turn * 4 * x) * np.cos(turn * 4 * y), 0) ** 6
        return mix(stars * (0.6 + 0.4 * np.sin(clock + turn * 3 * (x + 2 * y))), (0.07, 0.08, 0.15), (0.75, 0.75, 0.85))
    if kind == "snow":  # grey flakes falling on white
        flakes = np.maximum(np.cos(turn * 3 * x) * np.cos(turn * 3 * y - clock), 0) ** 4
        return mix(flakes, (0.93, 0.94, 0.96), (0.70, 0.72, 0.78))
    if kind == "meadow":  # waving stalks
        return mix(0.5 + 0.5 * np.sin(turn * 6 * x + np.sin(turn * y + clock)), (0.38, 0.44, 0.30), (0.52, 0.57, 0.40))
    if kind == "desert":  # wandering dunes
        return mix(
            0.5 + 0.5 * np.sin(turn * 2.5 * y + 1.5 * np.sin(turn * x + clock)), (0.72, 0.58, 0.42), (0.60, 0.46, 0.34)
        )
    if kind == "dusk":  # a breathing gradient
        return mix(y + 0.08 * np.sin(clock), (0.28, 0.24, 0.38), (0.66, 0.48, 0.44))
    raise ValueError(f"unknown background {kind!r}")
