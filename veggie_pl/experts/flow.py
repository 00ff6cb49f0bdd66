"""Optical flow between neighbouring frames, by opencv's DIS: no weights, the same for any number of threads."""

from itertools import pairwise

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.video.clip import to_uint8

LEAST_SIDE = 64  # pixels; smaller frames are enlarged: DIS works on a pyramid, and fails below about 12
PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
Gray = NDArray[np.uint8]  # (h, w)


def dense_flow(frames: Clip, backward: bool = False, preset: str = "medium") -> Float[Tensor, "p 2 h w"]:
    """Estimate where each pixel of a frame is in the next one, by dense inverse search (arXiv:1603.03590).

    A pixel at (x, y) of frame i is at (x + flow[i, 0, y, x], y + flow[i, 1, y, x]) of frame i + 1. Frames with a side
    below ``LEAST_SIDE`` are enlarged for the search, and their flow is scaled back.

    Args:
        frames: Pixels in [-1, 1]; flow sees their brightness in 8 bits.
        backward: Instead, where each pixel of frame i + 1 is in frame i.
        preset: Of opencv: finer ones are slower.

    Returns:
        For each of the f - 1 pairs, movement in x and in y in pixels, float32, on the CPU; none for a single frame.

    Raises:
        UseError: If the preset is unknown.
    """
    if preset not in PRESETS:
        raise UseError(f"preset {preset!r} of optical flow; the choices are {', '.join(PRESETS)}")
    height, width = frames.shape[-2:]
    scale = max(1.0, LEAST_SIDE / min(height, width))
    size = (round(width * scale), round(height * scale))
    grays = [_gray(frame, size) for frame in to_uint8(frames.detach()).permute(0, 2, 3, 1).cpu().numpy()]
    search = cv2.DISOpticalFlow.create(PRESETS[preset])
    found = torch.zeros(max(len(frames) - 1, 0), 2, height, width)
    for i, (one, other) in enumerate(pairwise(grays)):
        flow = search.calc(*((other, one) if backward else (one, other)), None)
        if scale > 1:
            shrink = np.array([width / size[0], height / size[1]], np.float32)
            flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) * shrink
        found[i] = torch.from_numpy(flow).permute(2, 0, 1)
    return found


def _gray(frame: NDArray[np.uint8], size: tuple[int, int]) -> Gray:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if gray.shape[::-1] != size:
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(gray, dtype=np.uint8)
