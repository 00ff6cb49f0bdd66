"""Groups of the mixture: a stream, or the rows of one skill and shape where a stream has several."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veggie_pl.data.streams import Stream
from veggie_pl.errors import UseError

Rows = NDArray[np.int64]  # row numbers, ascending


@dataclass
class Weighted:
    """One stream of the mixture.

    Args:
        stream: Where samples come from.
        weight: Share of the samples, relative to the other streams.
        skills: Relative share of each skill within the stream, by name; a skill that is not named is left out. None: by
            number of rows. Within a skill, shapes always share by number of rows.
    """

    stream: Stream
    weight: float = 1.0
    skills: dict[str, float] | None = None


@dataclass(frozen=True)
class Group:
    """Rows of one stream that are drawn alike: of one shape, and of one skill where the records tell.

    Args:
        stream: Name of the stream.
        skill: Name of the skill; empty where the records have no groups.
        bucket: Shape of the clips, "fxhxw" or whatever the stream calls it.
        weight: Share of the samples, relative to all other groups.
        length: Number of rows.
        rows: Which rows of the stream; None: all.
        order: Row for a draw and a key, for records that have an order of their own.
    """

    stream: str
    skill: str
    bucket: str
    weight: float
    length: int
    rows: Rows | None = None
    order: Callable[..., int] | None = None

    @property
    def name(self) -> str:
        """For people."""
        return " ".join(part for part in (self.stream, self.skill, self.bucket) if part)

    def key(self) -> tuple[int | str, ...]:
        """What a fingerprint is made of."""
        rows = (
            ""
            if self.rows is None
            else hashlib.blake2b(np.ascontiguousarray(self.rows).data, digest_size=8).hexdigest()
        )
        return self.stream, self.skill, self.bucket, self.length, rows


def groups_of(name: str, weighted: Weighted) -> list[Group]:
    """Make the groups of one stream: itself, or one for each (skill, shape) that its records' ``groups()`` tell.

    Raises:
        UseError: If it has no sample, or ``skills`` cannot be met; the message names the choices.
    """
    records: Any = weighted.stream.records
    if not hasattr(records, "groups"):
        return [_whole(name, weighted, records)]
    found = {(skill, bucket): rows for (bucket, skill), rows in records.groups().items() if len(rows)}
    if not found:
        raise UseError(f"streams without a sample: {[name]}")
    totals: dict[str, int] = {}
    for (skill, _), rows in found.items():
        totals[skill] = totals.get(skill, 0) + len(rows)
    weights = _skill_weights(name, weighted.skills, totals)
    return [
        Group(name, skill, bucket, weighted.weight * weights[skill] * len(rows) / totals[skill], len(rows), rows)
        for (skill, bucket), rows in sorted(found.items(), key=lambda one: one[0])
        if weights[skill]
    ]


def _whole(name: str, weighted: Weighted, records: Any) -> Group:
    if weighted.skills is not None:
        raise UseError(
            f"stream {name!r}: skills {list(weighted.skills)} cannot be weighted, its records do not tell which rows "
            "have which skill. The choices are skills: null, or a stream for each skill"
        )
    if not len(weighted.stream):
        raise UseError(f"streams without a sample: {[name]}")
    order = getattr(records, "order", None)
    return Group(name, "", weighted.stream.bucket, weighted.weight, len(weighted.stream), order=order)


def _skill_weights(name: str, wanted: Mapping[str, float] | None, totals: Mapping[str, int]) -> dict[str, float]:
    """Share of each skill that has rows; they sum to one."""
    given = totals if wanted is None else wanted
    choices = ", ".join(sorted(totals))
    if lacking := [skill for skill, weight in given.items() if weight and skill not in totals]:
        raise UseError(f"stream {name!r} has no rows of the skills {lacking}; the choices are {choices}")
    values = list(given.values())
    if not np.isfinite(values).all() or min(values, default=0) < 0 or not sum(values):
        raise UseError(f"stream {name!r}: skills must be >= 0 with one above 0, got {dict(given)}; it has {choices}")
    return {skill: given.get(skill, 0) / sum(values) for skill in totals}
