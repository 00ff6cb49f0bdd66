"""Rules of the filter: bounds of measures."""

import math
from dataclasses import asdict, dataclass

from veggie_pl.errors import UseError


@dataclass(frozen=True)
class Rule:
    """What a measure has to be for a pair to be kept.

    Args:
        least: Values below it are rejected.
        most: Values above it are rejected.
        needed: Whether a pair for which the measure is not defined is rejected, too.

    Raises:
        UseError: If no value at all can keep it.
    """

    least: float | None = None
    most: float | None = None
    needed: bool = False

    def __post_init__(self) -> None:
        for bound in (self.least, self.most):
            if bound is not None and math.isnan(bound):
                raise UseError("a bound of a rule has to be a number, got nan")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise UseError(f"no value is at least {self.least} and at most {self.most}")

    def keeps(self, value: float) -> bool:
        """Tell whether a value, NaN where it is not defined, passes."""
        if math.isnan(value):
            return not self.needed
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def settings(self) -> dict[str, float | bool | None]:
        """As plain JSON."""
        return asdict(self)
