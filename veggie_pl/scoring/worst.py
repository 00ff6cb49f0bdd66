"""What a missing or unusable output scores: the worst value of each measure that would have been defined."""

from dataclasses import replace

import torch

from veggie_pl.batch import Batch
from veggie_pl.data.benchmark import SkillMeasures, Values

JUDGE = "judge"  # aspect of the measures that ask somebody, who is not asked about nothing


def worst_values(row: SkillMeasures, batch: Batch) -> dict[str, Values]:
    """Give the worst value of each measure, where it would be defined for the unchanged source; NaN elsewhere.

    A measure that is not defined for an example, such as a likeness outside of a region that is all there is, is in no
    method's mean. A judge is not asked: its measures count as defined. Columns of weights are those of the source,
    which points at nothing: the union is then the whole of what it should have pointed at.

    Args:
        row: Measures of the skill.
        batch: What was asked.
    """
    experts = getattr(row, "experts", None)
    has_judge = getattr(experts, "judge", None) is not None
    unasked = replace(row, experts=replace(experts, judge=None)) if has_judge else row  # type: ignore[type-var]
    found = {name: values.cpu().double() for name, values in unasked(batch.source, batch).items()}
    for measure in row.measures:
        if measure.aspect == JUDGE and has_judge:
            found[measure.name] = torch.zeros(len(batch), dtype=torch.float64)
        if measure.name in found:
            worst = torch.nan if measure.worst is None else measure.worst
            found[measure.name] = torch.where(found[measure.name].isnan(), torch.nan, worst).double()
    return found
