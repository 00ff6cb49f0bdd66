"""Step 4: what is measured of a pair of clips, and the rules that it has to keep."""

from veggie_pl.synthesis.assess.assessor import RuleAssessor
from veggie_pl.synthesis.assess.rules import Rule

__all__ = ["Rule", "RuleAssessor"]
