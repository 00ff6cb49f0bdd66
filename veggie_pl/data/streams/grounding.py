"""Grounding: an object's name in, the clip with that object filled by a colour out."""

import torch

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.streams.base import Stream
from veggie_pl.errors import UseError
from veggie_pl.masks.colors import COLORS
from veggie_pl.masks.paint import paint
from veggie_pl.seeding import numpy_rng

CONTRAST = 1.0  # distance of a fill from an object's mean colour, in [-1, 1] RGB, from which the fill is plain to see


class GroundingStream(Stream):
    """Records with a mask and the phrase that names what it covers, e.g. referring segmentation."""

    skills = frozenset({Skill.GROUNDING})

    def sample(self, record: Record) -> Sample:
        """Paint the target and word the instruction.

        Raises:
            UseError: If the record has no mask.
        """
        example = record.example
        if record.mask is None:
            raise UseError(f"{type(self).__name__} needs a mask, but {example.key} has none")
        fill = example.fill or choose_fill(record)
        example = example._replace(instruction=self.instruction(record, **self.slots(record), fill=fill), fill=fill)
        return Sample(example, record.source, paint(record.source, record.mask, fill), record.mask)

    def slots(self, record: Record) -> dict[str, str]:
        """What the wording takes from the record, beside the fill."""
        return {"phrase": record.example.phrase}


def choose_fill(record: Record) -> str:
    """A fill by the chance of the record's key, among its own that are plain to see on what the mask covers."""
    order = [str(name) for name in numpy_rng("fill", record.example.key).permutation(list(record.fills or COLORS))]
    assert record.mask is not None
    inside = record.source.movedim(1, -1)[record.mask]
    own = inside.mean(0) if len(inside) else torch.zeros(3)
    distances = {name: float((torch.tensor(COLORS[name]) - own).norm()) for name in order}
    return next((name for name in order if distances[name] >= CONTRAST), max(order, key=lambda name: distances[name]))
