"""A clip of any length and size, edited by a model of few frames and one size."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.data.clips import resize


def windows(num_frames: int, window: int, overlap: int) -> list[range]:
    """Windows of equal length that cover all frames, each overlapping the next by at least ``overlap``.

    A clip shorter than the window is one window of its own length.

    Raises:
        ValueError: If there are no frames or the overlap is not below the window.
    """
    if num_frames < 1 or not 0 <= overlap < window:
        raise ValueError(f"need frames and an overlap below the window, got {num_frames}, {overlap} and {window}")
    if num_frames <= window:
        return [range(num_frames)]
    count = -(-(num_frames - overlap) // (window - overlap))
    starts = np.linspace(0, num_frames - window, count).round().astype(int)
    return [range(start, start + window) for start in starts.tolist()]


def blend(parts: list[Float[Tensor, "f 3 h w"]], places: list[range]) -> Clip:
    """Join windows; where they overlap, each fades linearly into the next."""
    total = places[-1].stop
    joined = torch.zeros(total, *parts[0].shape[1:])
    weights = torch.zeros(total, 1, 1, 1)
    for number, (part, place) in enumerate(zip(parts, places, strict=True)):
        weight = torch.ones(len(place))
        if number > 0 and (shared := places[number - 1].stop - place.start) > 0:
            weight[:shared] = torch.arange(1, shared + 1) / (shared + 1)
        if number + 1 < len(places) and (shared := place.stop - places[number + 1].start) > 0:
            weight[-shared:] = torch.minimum(weight[-shared:], torch.arange(shared, 0, -1) / (shared + 1))
        joined[place.start : place.stop] += weight[:, None, None, None] * part
        weights[place.start : place.stop, 0, 0, 0] += weight
    return joined / weights


def restore(edited: Float[Tensor, "f 3 h w"], source: Clip) -> Clip:
    """Bring an edit made at the model's size back to the source's size.

    What is enlarged is the *change*, not the picture: ``source + enlarge(edited - reduce(source))``. Where nothing was
    edited the source keeps all its detail, and an edit that changes nothing returns the source exactly.
    """
    height, width = source.shape[-2:]
    small = resize(source, *edited.shape[-2:])
    return (source + resize(edited - small, height, width)).clamp(-1, 1)
