"""Step 1: what a pair of pictures shows, and how it should move."""

from veggie_pl.synthesis.describe.endpoint import EndpointDescriber
from veggie_pl.synthesis.describe.local import LocalDescriber
from veggie_pl.synthesis.describe.rule import RuleDescriber

__all__ = ["EndpointDescriber", "LocalDescriber", "RuleDescriber"]
