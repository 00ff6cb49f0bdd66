"""What a missing or unusable output scores: the worst value of each measure that would have been defined."""

from dataclasses import dataclass, replace

import torch

from veggie_pl.batch import Batch
from veggie_pl.data.benchmark import SkillMeasures, Values
from veggie_pl.experts.protocols import Judge, Judgement, Question


@dataclass(frozen=True)
class Unimpressed:
    """Stands for a judge who finds nothing good, and is not asked; implements ``Judge``.

    Args:
        stands_for: Whose axes and scale it has.
    """

    stands_for: Judge

    name = property(lambda self: self.stands_for.name)
    digest = property(lambda self: self.stands_for.digest)
    axes = property(lambda self: self.stands_for.axes)
    scale = property(lambda self: self.stands_for.scale)
    needs_checklist = property(lambda self: self.stands_for.needs_checklist)

    def judge(self, question: Question) -> Judgement:
        """Give the least score on every axis."""
        return Judgement(dict.fromkeys(self.axes, self.scale[0]))


def worst_values(row: SkillMeasures, batch: Batch) -> dict[str, Values]:
    """Give the worst value of each measure, where it would be defined for the unchanged source; NaN elsewhere.

    A measure that is not defined for an example, such as a likeness outside of a region that is all there is, is in no
    method's mean. A judge is not asked, and counts as one who always answers. Columns of weights are those of the
    source, which points at nothing: the union is then the whole of what it should have pointed at.

    Args:
        row: Measures of the skill.
        batch: What was asked.
    """
    experts = getattr(row, "experts", None)
    judge = getattr(experts, "judge", None)
    if judge is not None:
        row = replace(row, experts=replace(experts, judge=Unimpressed(judge)))  # type: ignore[type-var]
    found = {name: values.cpu().double() for name, values in row(batch.source, batch).items()}
    for measure in row.measures:
        if measure.name in found:
            worst = torch.nan if measure.worst is None else measure.worst
            found[measure.name] = torch.where(found[measure.name].isnan(), torch.nan, worst).double()
    return found
