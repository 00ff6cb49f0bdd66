"""Records: what a data set gives before a stream turns it into a sample."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from veggie_pl.batch import Clip, ClipNames, Example, Mask
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
    """One decoded row of a data set; what a kind of supervision does not have is None or empty.

    Args:
        example: Its facts.
        source: The clip that is asked about.
        target: Editing: the edited clip.
        mask: Grounding, reasoning: the object. Editing: the changed region, if it is known.
        templates: Of instructions, in place of our own, for an example without an instruction.
        fills: Mask colours to choose from; empty: all.
        names: What source and record are made of; the target's name tells all that is here. Records may have a method
            ``names(index)`` that gives them without decoding.
    """

    example: Example
    source: Clip
    target: Clip | None = None
    mask: Mask | None = None
    templates: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    names: ClipNames = field(default_factory=ClipNames)


@runtime_checkable
class Records(Protocol):
    """A data set by index: the same index always gives the same record."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Record: ...
