"""Shapes of clips that share batches: which of them suits a source, from its header."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from veggie_pl.errors import UseError

ROWS_AT_ONCE = 100_000  # rows compared at a time, to bound memory


@dataclass(frozen=True)
class Bucket:
    """One shape of clips, in frames and pixels; its text is ``8x256x256``."""

    frames: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.frames, self.height, self.width) < 1:
            raise UseError(f"a bucket needs frames, height and width of at least 1, got {self}")

    def __str__(self) -> str:
        return f"{self.frames}x{self.height}x{self.width}"

    @classmethod
    def parse(cls, text: str) -> "Bucket":
        """The bucket that a text such as ``8x256x256`` names.

        Raises:
            UseError: If it names none.
        """
        try:
            frames, height, width = map(int, text.split("x"))
        except ValueError as error:
            raise UseError(f"no bucket: {text!r}; one looks like 8x256x256 (frames, height, width)") from error
        return cls(frames, height, width)


def choose(
    buckets: Sequence[Bucket],
    frames: Int[np.ndarray, " n"],
    height: Int[np.ndarray, " n"],
    width: Int[np.ndarray, " n"],
) -> Int[np.ndarray, " n"]:
    """The bucket of each source, by number.

    It has as many frames as the source fills (the fewest there are, if the source fills none), then the nearest
    aspect ratio, then the nearest area; the first of equals. Sources of unknown shape (0) take the first bucket.
    """
    shape = np.array([[one.frames, one.height, one.width] for one in buckets], float)
    ratio, area = np.log(shape[:, 1] / shape[:, 2]), np.log(shape[:, 1] * shape[:, 2])
    chosen = np.zeros(len(frames), np.int32)
    for start in range(0, len(frames) if len(buckets) > 1 else 0, ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        known = (frames[part] > 0) & (height[part] > 0) & (width[part] > 0)
        h, w = np.where(known, height[part], 1), np.where(known, width[part], 1)
        # Larger counts more: (frames, ratio, area) as digits of one number would round; so compare one after another.
        filled = np.where(shape[:, 0] <= frames[part, None], shape[:, 0], -shape[:, 0])
        best = filled == filled.max(1, keepdims=True)
        for own, wanted in ((ratio, np.log(h / w)), (area, np.log(h * w.astype(float)))):
            distance = np.where(best, np.abs(own - wanted[:, None]), np.inf)
            best &= distance <= distance.min(1, keepdims=True) + 1e-9
        chosen[part] = np.where(known, best.argmax(1), 0)
    return chosen
