"""What went wrong, for the page: outputs that failed, replies of judges that say nothing, examples in no number."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from veggie_pl.metrics.report import Report, SampleScore

MAX_ROWS = 200  # failed outputs listed; the report's JSON has all
_REASONS = 8  # of judges' failures that are listed


@dataclass(frozen=True)
class JudgeFaults:
    """Replies of a judge that gave no score."""

    method: str
    samples: int  # with at least one
    judged: int  # samples that have any note of a judge
    replies: int
    reasons: tuple[tuple[str, int], ...]  # the most frequent, with their numbers


@dataclass(frozen=True)
class Faults:
    """All that is in no mean, or in it by a rule.

    Args:
        outputs: Method and sample of outputs that failed, at most ``MAX_ROWS``.
        num_outputs: All of them.
        states: How many of each kind, by method.
        judges: By method.
        missing: Method, stream and number of examples that cannot be read.
    """

    outputs: tuple[tuple[str, SampleScore], ...]
    num_outputs: int
    states: Mapping[str, Mapping[str, int]]
    judges: tuple[JudgeFaults, ...]
    missing: tuple[tuple[str, str, int], ...]


def faults(reports: Mapping[str, Report]) -> Faults:
    """Collect what went wrong in all reports."""
    failed = [(name, one) for name, report in reports.items() for one in report.samples if one.state != "scored"]
    states: dict[str, dict[str, int]] = {
        name: dict(Counter(str(one.state) for own, one in failed if own == name)) for name in reports
    }
    judges = [_judge(name, report.samples) for name, report in reports.items()]
    missing = tuple((name, stream, n) for name, report in reports.items() for stream, n in report.missing.items() if n)
    shown = tuple(one for one in judges if one.judged)
    return Faults(tuple(failed[:MAX_ROWS]), len(failed), states, shown, missing)


def _judge(method: str, samples: Sequence[SampleScore]) -> JudgeFaults:
    found = [list(_failures(one.notes)) for one in samples]
    lists = [reasons for reasons in found if reasons]
    reasons = Counter(reason for lines in lists for one in lines for reason in one)
    return JudgeFaults(
        method,
        samples=sum(any(lines) for lines in lists),
        judged=len(lists),
        replies=reasons.total(),
        reasons=tuple(reasons.most_common(_REASONS)),
    )


def _failures(notes: Any) -> Iterator[list[str]]:
    """Find the lists of failures in notes, wherever they stand."""
    if isinstance(notes, Mapping):
        for name, value in notes.items():
            if name == "failures" and isinstance(value, list | tuple):
                yield [str(one) for one in value]
            else:
                yield from _failures(value)
    elif isinstance(notes, list | tuple):
        for value in notes:
            yield from _failures(value)
