"""Step 1: what a pair of pictures shows, and how it should move."""

from veggie_pl.synthesis.describe.rule import RuleDescriber

__all__ = ["RuleDescriber"]
