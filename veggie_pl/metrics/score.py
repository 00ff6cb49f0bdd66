"""One number for a model: what validation watches and checkpoints are kept by."""

import math
from collections.abc import Mapping

from veggie_pl.batch import Skill

HEADLINE: dict[Skill, str] = {skill: "miou" if skill.is_painted else "success" for skill in Skill}


def overall_score(values: Mapping[Skill, float]) -> float:
    """Average the headline measures of the skills: success of the six edits, mIoU of grounding and reasoning.

    All eight weigh the same, whatever the number of their samples. A skill that was not looked at, or whose measure is
    not defined for any sample (NaN), is left out: the score is then one of the others.

    Args:
        values: Headline measure of each skill, in %.

    Returns:
        Arithmetic mean in %, 0 to 100; NaN where no skill has a number.
    """
    known = [value for value in values.values() if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
