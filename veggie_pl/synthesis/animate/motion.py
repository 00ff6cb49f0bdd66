"""Motions as plain JSON, read back."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from veggie_pl.synthesis.protocols import ItemError

T = TypeVar("T")


def as_pair(value: object, of: Callable[[str], T]) -> list[tuple[T, T]]:
    """Read a list of pairs, such as [["left", "fast"]].

    Raises:
        ItemError: If it is none.
    """
    if isinstance(value, Sequence):
        pairs = [[of(str(part)) for part in pair] for pair in value if isinstance(pair, Sequence)]
        if len(pairs) == len(value) and all(len(pair) == 2 for pair in pairs):
            return [(pair[0], pair[1]) for pair in pairs]
    raise ItemError(f"no motion of a step here: {value!r}")
