"""What a run reads, row by row, and what keeping it takes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.batch import MissingSample
from veggie_pl.data.groups import Group
from veggie_pl.data.mixture import Mixture, read_sample, row_of

BLOCK = 4096  # bytes that a file takes at least, and in steps of which it grows
HEADER = 400  # bytes of an entry that are no numbers, about
NUMBER = 4  # bytes of a latent: float32, whatever the encoder ran in
Shape = tuple[int, int, int]  # frames, height, width


@dataclass(frozen=True)
class Portion:
    """Rows of a group that a run reads.

    Args:
        group: Of the mixture.
        rows: Of its stream, ascending, each once: files and shards are read in the order in which they lie.
        shape: Of its clips; None where no row can be read.
    """

    group: Group
    rows: Sequence[int] | NDArray[np.int64]
    shape: Shape | None


@dataclass(frozen=True)
class Size:
    """What entries take; both at most, for examples about one clip share what is kept of it."""

    entries: int = 0
    bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.entries + other.entries, self.bytes + other.bytes)


def portions_of(mixture: Mixture, samples: int | None) -> list[Portion]:
    """List the rows that the first ``samples`` samples of a mixture are, group by group; None: all rows."""
    counts = [None] * len(mixture.groups) if samples is None else mixture.counts(samples).tolist()
    found = []
    for group, count in zip(mixture.groups, counts, strict=True):
        rows: Sequence[int] | NDArray[np.int64]
        if count is None or count >= group.length:  # an epoch reads every row once
            rows = range(group.length) if group.rows is None else group.rows
        else:
            rows = np.unique(np.array([row_of(group, draw, mixture.seed) for draw in range(count)], np.int64))
        if len(rows):
            found.append(Portion(group, rows, _shape(mixture, group, rows)))
    return found


def latents_size(vae: Any, portion: Portion) -> Size:
    """Tell what mean and deviation of sources and targets take."""
    if portion.shape is None:
        return Size()
    numbers = int(np.prod(vae.latent_shape(*portion.shape)))
    return Size(2 * len(portion.rows), 2 * len(portion.rows) * _on_disk(2 * numbers * NUMBER))


def features_size(mllm: Any, portion: Portion) -> Size:
    """Tell what the vision features of sources take, in the type of the MLLM's weights."""
    if portion.shape is None:
        return Size()
    frames, height, width = portion.shape
    deep = getattr(mllm.model.config.vision_config, "deepstack_visual_indexes", None) or ()  # Qwen3-VL
    tokens = frames * mllm.vision.tokens_per_frame(height, width) + mllm.extra_tokens
    numbers = (1 + len(deep)) * tokens * mllm.width
    return Size(len(portion.rows), len(portion.rows) * _on_disk(numbers * mllm.model.dtype.itemsize))


def _on_disk(size: int) -> int:
    return -(-(size + HEADER) // BLOCK) * BLOCK


def _shape(mixture: Mixture, group: Group, rows: Sequence[int] | NDArray[np.int64]) -> Shape | None:
    """Frames, height and width, by the name of the shape or else by a row that can be read."""
    if found := re.fullmatch(r"(\d+)x(\d+)x(\d+)", group.bucket):
        frames, height, width = (int(number) for number in found.groups())
        return frames, height, width
    stream = mixture.streams[group.stream].stream
    for row in rows:
        sample = read_sample(stream, int(row), group.stream)
        if not isinstance(sample, MissingSample):
            frames, _, height, width = sample.source.shape
            return frames, height, width
    return None
