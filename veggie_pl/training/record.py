"""What a model has been trained for, as its folder and its checkpoints tell it."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class TrainingRecord:
    """Steps and samples, of those that its recipe has.

    Args:
        recipe: Names of the config files, such as "stage2" or "stage1+backbone/paper"; None if there was none.
        recipe_steps: Optimizer steps that the config files ask for, whatever the command line made of them; None if
            they name no number.
        steps: Optimizer steps done.
        samples: Samples seen; None if nobody counted.
        recipe_samples: Samples of the recipe's steps.
        date: When, such as "2026-11-24 14:03 UTC".
    """

    recipe: str | None
    recipe_steps: int | None
    steps: int
    samples: int | None
    recipe_samples: int | None
    date: str

    @property
    def is_whole(self) -> bool:
        """Whether the recipe's steps have been reached."""
        return self.recipe_steps is not None and self.steps >= self.recipe_steps

    def __str__(self) -> str:
        """Return one line, such as "stage2, 4 of 3,000 steps, 16 of 12,000 samples, 2026-11-24 14:03 UTC"."""
        steps = _of(self.steps, self.recipe_steps, "steps")
        samples = "samples unknown" if self.samples is None else _of(self.samples, self.recipe_samples, "samples")
        return ", ".join((self.recipe or "no recipe", steps, samples, self.date))

    def as_json(self) -> dict[str, Any]:
        """For JSON and checkpoints."""
        return asdict(self)


def read_record(kept: Any) -> TrainingRecord | None:
    """Return the record that a folder or checkpoint keeps; None where there is none that can be understood."""
    names = {field.name for field in fields(TrainingRecord)}
    if not isinstance(kept, dict) or kept.keys() != names:
        return None
    numbers = [kept[name] for name in ("recipe_steps", "samples", "recipe_samples") if kept[name] is not None]
    texts = [kept["date"], kept["recipe"] or ""]
    fits = all(map(_is_count, [kept["steps"], *numbers])) and all(isinstance(text, str) for text in texts)
    return TrainingRecord(**kept) if fits else None


def describe(record: TrainingRecord | None) -> str:
    """Return the record in words, also where there is none."""
    return "no record of its steps" if record is None else str(record)


def now() -> str:
    """Return the date of a record."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _of(done: int, planned: int | None, what: str) -> str:
    return f"{done:,} {what}" if planned is None else f"{done:,} of {planned:,} {what}"


def _is_count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0
