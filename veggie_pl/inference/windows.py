"""A clip of any length and size, edited by a model of few frames and one size."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError


def windows(num_frames: int, window: int, overlap: int) -> list[range]:
    """Windows of equal length that cover all frames, each overlapping the next by at least ``overlap``.

    A clip shorter than the window is one window of its own length.

    Raises:
        UseError: If there are no frames or the overlap is not below the window.
    """
    if num_frames < 1 or not 0 <= overlap < window:
        raise UseError(f"need frames and an overlap below the window, got {num_frames}, {overlap} and {window}")
    if num_frames <= window:
        return [range(num_frames)]
    count = -(-(num_frames - overlap) // (window - overlap))
    starts = np.linspace(0, num_frames - window, count).round().astype(int)
    return [range(start, start + window) for start in starts.tolist()]


def cross_fade(parts: Iterable[tuple[range, Float[Tensor, "f 3 h w"]]]) -> Iterator[tuple[range, Clip]]:
    """Join windows one after another; where two overlap, the earlier fades linearly into the later.

    Frames are given out as soon as no later window can change them, so a clip of any length needs the memory of one
    window.

    Args:
        parts: Windows with their frames, in order, none ending before the one it follows.
    """
    waiting_from, waiting = 0, None
    for place, frames in parts:
        if waiting is not None:
            ready = place.start - waiting_from
            if ready:
                yield range(waiting_from, place.start), waiting[:ready]
            shared = len(waiting) - ready
            share = torch.arange(1, shared + 1, device=frames.device)[:, None, None, None] / (shared + 1)
            frames = torch.cat([torch.lerp(waiting[ready:], frames[:shared], share), frames[shared:]])
        waiting_from, waiting = place.start, frames
    if waiting is not None:
        yield range(waiting_from, waiting_from + len(waiting)), waiting
