"""Optical flow between frames of bytes, and pixels fetched along it."""

from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Shaped

from veggie_pl.experts.flow import dense_flow
from veggie_pl.synthesis.protocols import Frames
from veggie_pl.video.clip import to_clip

Flow = Float[np.ndarray, "h w 2"]  # pixels in x and y
Flows = Float[np.ndarray, "p h w 2"]


def to_previous(frames: Frames, preset: str = "ultrafast") -> Flows:
    """Tell where each pixel of frames 1, 2, ... is in the frame before."""
    return _as_numpy(dense_flow(to_clip(frames), backward=True, preset=preset))


def to_first(frames: Frames, preset: str = "fast") -> Flows:
    """Tell where each pixel of frames 1, 2, ... is in frame 0."""
    clip = to_clip(frames)
    pairs = [dense_flow(clip[[0, number]], backward=True, preset=preset) for number in range(1, len(clip))]
    return _as_numpy(torch.cat(pairs) if pairs else dense_flow(clip[:1]))


def from_first(frames: Frames, preset: str = "fast") -> Flows:
    """Tell where each pixel of frame 0 is in frames 1, 2, ..."""
    clip = to_clip(frames)
    pairs = [dense_flow(clip[[0, number]], preset=preset) for number in range(1, len(clip))]
    return _as_numpy(torch.cat(pairs) if pairs else dense_flow(clip[:1]))


def fetch(
    picture: Shaped[np.ndarray, "h w *c"],
    flow: Flow,
    method: int = cv2.INTER_LINEAR,
    border: int = cv2.BORDER_REPLICATE,
) -> Shaped[np.ndarray, "h w *c"]:
    """Give each pixel what the picture shows where the flow leads.

    Args:
        picture: Bytes or float32.
        flow: From each pixel of the result to its place in the picture, in pixels.
        method: Of interpolation, of opencv.
        border: What is beyond the picture, of opencv.
    """
    places = _grid(*flow.shape[:2]) + flow.astype(np.float32, copy=False)
    return np.asarray(cv2.remap(picture, places, None, method, borderMode=border))


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> Flow:
    grid = np.ascontiguousarray(np.mgrid[:height, :width][::-1].transpose(1, 2, 0), dtype=np.float32)
    grid.setflags(write=False)  # it is shared
    return grid


def _as_numpy(flows: Float[torch.Tensor, "p 2 h w"]) -> Flows:
    return np.ascontiguousarray(flows.permute(0, 2, 3, 1).numpy())
