"""What became of an item: kept, rejected by the filter, or failed, and why."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

State = Literal["kept", "rejected", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The end of one item.

    Args:
        number: Row of the table.
        key: Of the row.
        state: What became of it.
        step: Failed: where.
        reason: Failed: why, in one line.
        rejected: Names of the rules that it broke.
        values: By measure; NaN where it is not defined.
        seconds: That each step took, whenever it was done; also "read", "write".
        known: Steps whose outputs were there already.
        facts: For provenance, plain JSON: description, notes, seeds.
        pair: Kept: name of the two encoded clips in the store.
        shape: Frames, height and width of the clips.
        fps: Frames per second.
    """

    number: int
    key: str
    state: State
    step: str = ""
    reason: str = ""
    rejected: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    pair: str = ""
    shape: tuple[int, int, int] = (0, 0, 0)
    fps: float = 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON takes it, without what changes from run to run."""
        found = asdict(self)
        for name in ("number", "known"):
            del found[name]
        found["values"] = {name: None if math.isnan(value) else value for name, value in self.values.items()}
        return found

    @classmethod
    def of(cls, number: int, plain: Mapping[str, Any]) -> "Outcome":
        """Read what ``plain`` gave.

        Raises:
            KeyError, TypeError, ValueError: If it is something else.
        """
        values = {name: math.nan if value is None else float(value) for name, value in plain["values"].items()}
        frames, height, width = plain["shape"]
        lists = {"rejected": tuple(plain["rejected"]), "values": values, "shape": (frames, height, width)}
        return cls(number=number, **{**plain, **lists})

    def packed(self) -> str:
        """As one text, whole."""
        return json.dumps([self.number, self.known, self.plain()])

    @classmethod
    def unpacked(cls, text: str) -> "Outcome":
        """Read what ``packed`` gave."""
        number, known, plain = json.loads(text)
        return replace(cls.of(number, plain), known=tuple(known))
