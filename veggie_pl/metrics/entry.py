"""One cell of the skill table: how a measure is read, and the function that computes it."""

from collections.abc import Callable
from typing import NamedTuple

from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics.scored import Scored

PERCENT = (0.0, 100.0)


class Entry(NamedTuple):
    """One cell of the table."""

    measure: Measure
    compute: Callable[[Scored], Values]
