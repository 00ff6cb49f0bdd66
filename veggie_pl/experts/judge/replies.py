"""From the replies to one question to one judgement: the median of what could be read, and all that could not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from veggie_pl.experts.judge.parsing import Read
from veggie_pl.experts.judge.prompts import Mode
from veggie_pl.experts.protocols import Judgement, Question


@dataclass(frozen=True)
class Reply:
    """What came back, or why nothing did."""

    text: str = ""
    failure: str = ""  # empty where there is text to read


def conclude(mode: Mode, question: Question, replies: Sequence[Reply], settings: Mapping[str, Any]) -> Judgement:
    """Read all replies and take the median of each axis.

    Args:
        mode: How was asked.
        question: What was asked about.
        replies: In the order they were asked for.
        settings: Kept as they are.

    Returns:
        An axis that no reply rates is absent; each reply that fails, in whole or for an axis, is told.
    """
    reads = [Read(faults=[one.failure]) if one.failure else mode.read(one.text, question) for one in replies]
    scores = {}
    for axis in mode.axes:
        if given := [read.scores[axis] for read in reads if axis in read.scores]:
            scores[axis] = float(median(given))
    failures = tuple(f"reply {number}: {fault}" for number, read in enumerate(reads, 1) for fault in read.faults)
    return Judgement(scores, tuple(one.text for one in replies), failures, dict(settings))
