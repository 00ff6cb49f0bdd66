"""How many items may fail before a run gives up, and what is told of them."""

import json
import logging
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from veggie_pl.errors import UseError
from veggie_pl.files import write_text
from veggie_pl.synthesis.outcome import Outcome

log = logging.getLogger(__name__)
NUM_SAID = 5  # failures that are told as they come; the file has all
NUM_REASONS = 3


class SynthesisError(UseError):
    """A synthesis that cannot go on, or has nothing to show."""


class Budget:
    """Counts items that failed.

    Args:
        total: Items of the run.
        share: Of them that may fail, rounded up.
        path: Where they are listed.

    Raises:
        UseError: If the share is not in [0, 1].
    """

    def __init__(self, total: int, share: float, path: Path) -> None:
        if not 0 <= share <= 1:
            raise UseError(f"--max_failed is a share in 0 .. 1, got {share}")
        self.total, self.share, self.path = total, share, path
        self.most = math.ceil(share * total)
        self.failed: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Take note of how an item ended.

        Raises:
            SynthesisError: If too many have failed.
        """
        if outcome.state != "failed":
            return
        self.failed.append(outcome)
        if len(self.failed) <= NUM_SAID:
            log.warning("%s failed at %s: %s", outcome.key, outcome.step, outcome.reason)
        if len(self.failed) > self.most:
            raise SynthesisError(
                f"{len(self.failed)} of {self.total} items failed, more than --max_failed {self.share:g} allows; most "
                f"of them: {reasons(self.failed)}; all of them: {self.path}"
            )

    def write(self) -> None:
        """Write what failed, one JSON a line, in the order of rows; no file where nothing did."""
        if self.failed:
            write_left_out(self.path, self.failed)
        else:
            self.path.unlink(missing_ok=True)


def write_left_out(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write what is in no row of the result, with the reason."""
    lines = []
    for one in sorted(outcomes, key=lambda one: one.number):
        said = {"step": one.step, "reason": one.reason} if one.state == "failed" else {"rules": [*one.rejected]}
        lines.append(json.dumps({"row": one.number, "key": one.key, "state": one.state, **said}) + "\n")
    write_text(path, "".join(lines))


def reasons(outcomes: Sequence[Outcome]) -> str:
    """Say the most frequent reasons, with their counts."""
    counts = Counter(
        f"{one.step}: {one.reason}" if one.state == "failed" else f"rejected by {', '.join(one.rejected)}"
        for one in outcomes
    )
    return "; ".join(f"{count} x {said}" for said, count in counts.most_common(NUM_REASONS))
