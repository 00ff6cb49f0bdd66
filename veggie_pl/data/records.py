"""Records: what a data set gives before a stream turns it into a sample."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from veggie_pl.batch import Box, Clip, Mask, Skill
from veggie_pl.errors import UseError


class BadRecordError(UseError):
    """A record that cannot be decoded; the message names it and the reason.

    Args:
        key: Of the record.
        reason: One line.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key, self.reason = key, reason

    def __reduce__(self) -> tuple[type["BadRecordError"], tuple[str, str]]:  # travels between processes
        return BadRecordError, (self.key, self.reason)


@dataclass(frozen=True)
class Record:
    """One decoded row of a data set; what a kind of supervision does not have is None or empty."""

    key: str
    skill: Skill
    source: Clip
    target: Clip | None = None  # editing: the edited clip
    mask: Mask | None = None  # grounding, reasoning: the object; editing: the changed region, if known
    instruction: str | None = None  # None: the stream words it from the phrase
    phrase: str = ""
    fill: str = ""
    place: Box | None = None
    wordings: tuple[str, ...] = ()  # templates instead of our own, for a record without an instruction
    fills: tuple[str, ...] = ()  # fills to choose from; empty: all


@runtime_checkable
class Records(Protocol):
    """A data set by index: the same index always gives the same record."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Record: ...
