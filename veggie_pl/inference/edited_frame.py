"""One frame of an edit, at the model's size and at the source's."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.inference.enlarge import at_source_size
from veggie_pl.inference.region import Region
from veggie_pl.masks.soften import mix_region


class EditedFrame(NamedTuple):
    """One frame and its edit, each a clip of one frame.

    Args:
        number: Of the frame.
        source: At its own size.
        seen: As the model sees it.
        small: The edit at the model's size.
        region: How much of each of the source's pixels may change; None is all.
    """

    number: int
    source: Clip
    seen: Clip
    small: Clip
    region: Region | None = None

    @property
    def edited(self) -> Clip:
        """The edit at the source's size; outside of the region the source, to the last bit."""
        whole = at_source_size(self.small, self.seen, self.source)
        return whole if self.region is None else mix_region(whole, self.source, self.region)


def join_edits(
    edits: Sequence[Float[Tensor, "1 3 small_h small_w"]], seen: Float[Tensor, "1 3 small_h small_w"]
) -> Float[Tensor, "1 3 small_h small_w"]:
    """Join edits of one frame: each pixel is that of the edit which changes it most."""
    if len(edits) == 1:
        return edits[0]
    every = torch.stack([*edits])
    most = (every - seen).square().sum(2, keepdim=True).argmax(0, keepdim=True)
    return every.gather(0, most.expand(-1, -1, 3, -1, -1))[0]
