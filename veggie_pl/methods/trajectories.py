"""Where each token of a clip is in the other frames, along optical flow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Trajectories:
    """Paths through a clip, each with at most one token in a frame; every token is on one.

    Args:
        places: Of each token's path in every frame, as the number of a token there; 0 where the path has none.
        known: Where the path has one; a token's own frame always.
    """

    places: Int[Tensor, "f n f"]
    known: Bool[Tensor, "f n f"]


def follow(flow: Float[Tensor, "p 2 h w"], size: tuple[int, int]) -> Trajectories:
    """Follow tokens from frame to frame (Flatten, arXiv:2310.05922).

    A path goes on to the token that flow leads to, rounded. It ends at the border of the picture, and where several
    meet: one goes on, the others end there, for they are hidden. Tokens that no path reaches begin one. Of those that
    meet it is the one whose flow ends nearest to the middle of the token, where the authors draw one.

    Args:
        flow: From each of the first p = f - 1 frames to the next, in x and y, in pixels.
        size: Tokens of a frame in height and width.
    """
    height, width = size
    scaled = F.interpolate(flow, size, mode="area") * torch.tensor([width, height]).view(1, 2, 1, 1)
    moves = (scaled / torch.tensor(flow.shape[:1:-1]).view(1, 2, 1, 1)).flatten(2).double().numpy()  # (p, 2, n)
    count = height * width
    paths: list[Whole] = [np.arange(count)]  # of each token the number of its path
    total = count
    for move in moves:
        chosen, target = _onward(move, height, width)
        after = np.full(count, -1)
        after[target] = paths[-1][chosen]
        new = after < 0
        after[new] = total + np.arange(new.sum())
        total += int(new.sum())
        paths.append(after)
    table = np.full((total, len(paths)), -1)  # of each path its token in each frame
    for frame, of_frame in enumerate(paths):
        table[of_frame, frame] = np.arange(count)
    places = torch.from_numpy(table[np.stack(paths)])  # (f, n, f)
    return Trajectories(places.clamp(min=0), places >= 0)


def _onward(move: NDArray[Any], height: int, width: int) -> tuple[Whole, Whole]:
    """Say which tokens go on, and where to; no two to the same."""
    y, x = np.divmod(np.arange(height * width), width)
    to_x, to_y = x + move[0], y + move[1]
    cell_x, cell_y = np.rint(to_x).astype(np.int64), np.rint(to_y).astype(np.int64)
    inside = np.flatnonzero((cell_x >= 0) & (cell_x < width) & (cell_y >= 0) & (cell_y < height))
    beside = np.hypot(to_x - cell_x, to_y - cell_y)[inside]
    inside = inside[np.argsort(beside, kind="stable")]  # the best first, which np.unique takes
    target, first = np.unique(cell_y[inside] * width + cell_x[inside], return_index=True)
    return inside[first], target
