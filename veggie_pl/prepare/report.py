"""What was kept and skipped, and why."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

NUM_EXAMPLES = 5  # of each reason
# What differs between faults of one kind: quoted values, paths, names of files, numbers.
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\S*/\S*|\b[\w-]+\.\w{2,5}\b|-?\d+(\.\d+)?")


class Reason(BaseModel):
    """How often one kind of fault was met, with some of its examples."""

    model_config = ConfigDict(extra="forbid")
    count: int = 0
    examples: list[str] = []


class PrepareReport(BaseModel):
    """Of a part or of a whole split.

    Args:
        kept: Rows.
        skipped: Examples that became no row.
        reasons: Why, by kind of fault.
        expected: Rows that the card expects; None where nobody has counted.
    """

    model_config = ConfigDict(extra="forbid")
    kept: int = 0
    skipped: int = 0
    reasons: dict[str, Reason] = {}
    expected: int | None = None

    def skip(self, key: str, reason: str) -> None:
        """Count one example."""
        self.skipped += 1
        kind = " ".join(_OWN.sub("…", reason).split())
        known = self.reasons.setdefault(kind, Reason())
        known.count += 1
        if len(known.examples) < NUM_EXAMPLES:
            known.examples.append(f"{key}: {reason}"[:300])

    @classmethod
    def joined(cls, reports: Iterable["PrepareReport"]) -> "PrepareReport":
        """Of all parts."""
        whole = cls()
        for one in reports:
            whole.kept, whole.skipped = whole.kept + one.kept, whole.skipped + one.skipped
            for kind, reason in one.reasons.items():
                known = whole.reasons.setdefault(kind, Reason())
                known.count += reason.count
                known.examples = [*known.examples, *reason.examples][:NUM_EXAMPLES]
        return whole

    def markdown(self, title: str, counts: dict[str, int]) -> str:
        """For people: counts, then faults with examples, the most frequent first."""
        lines = [f"# {title}", "", f"{self.kept} rows, {self.skipped} skipped.", ""]
        if self.expected is not None and self.expected != self.kept:
            lines += [f"The card expects {self.expected} rows: {self.kept - self.expected:+d}.", ""]
        if counts:
            lines += ["| Skill | Rows |", "|---|---:|", *(f"| {skill} | {n} |" for skill, n in counts.items()), ""]
        for kind, reason in sorted(self.reasons.items(), key=lambda item: -item[1].count):
            lines += [f"## {reason.count} skipped: {kind}", "", *(f"- {one}" for one in reason.examples), ""]
        return "\n".join(lines)
