"""What a run will take, from a few rows that are lifted for it; they are in the store then."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from veggie_pl.metrics.tables import Grid
from veggie_pl.progress import spoken
from veggie_pl.synthesis.budget import SynthesisError, reasons
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.steps import KINDS, Task
from veggie_pl.synthesis.synthesize import Run, Tell, check_output

SAMPLE = 12  # rows, at even distances; the first of them pays for what is loaded late, so it is timed apart


@dataclass(frozen=True)
class Estimate:
    """A run, as a sample of it lets expect.

    Args:
        items: Rows in all.
        outcomes: Of the sample.
        seconds: Of one item, by step.
        on_gpu: Steps that hold a GPU.
        pair_bytes: Of a kept pair, encoded.
        item_bytes: That the store takes for an item.
        run: How it will be carried out.
    """

    items: int
    outcomes: Sequence[Outcome]
    seconds: dict[str, float]
    on_gpu: tuple[str, ...]
    pair_bytes: float
    item_bytes: float
    run: Run

    @property
    def kept_share(self) -> float:
        """Of the sample."""
        return sum(one.state == "kept" for one in self.outcomes) / len(self.outcomes)

    @property
    def hours(self) -> float:
        """Of the run, with its workers."""
        return self.items * sum(self.seconds.values()) / self.run.workers / 3600

    @property
    def gpu_hours(self) -> float:
        """Of all GPUs together."""
        return self.items * sum(self.seconds.get(step, 0.0) for step in self.on_gpu) / 3600

    def grid(self) -> Grid:
        """As a table to print."""
        low, high = wilson(sum(one.state == "kept" for one in self.outcomes), len(self.outcomes))
        kept, pairs = self.kept_share, f"{self.items * low:.0f} .. {self.items * high:.0f}"
        rows = [
            ("rows", f"{self.items}"),
            ("sample", f"{len(self.outcomes)}: " + _ends(self.outcomes)),
            ("pairs", f"{self.items * kept:.0f} ({pairs}, 95 % interval)"),
            *((f"s an item, {step}", f"{value:.3g}") for step, value in self.seconds.items()),
            ("time", f"{spoken(self.hours * 3600)} with {self.run.workers} of --workers"),
            ("GPU-hours", f"{self.gpu_hours:.3g}" + (f" ({', '.join(self.on_gpu)})" if self.on_gpu else "")),
            ("disk, data set", _size(self.items * kept * self.pair_bytes)),
            ("disk, store", _size(self.items * self.item_bytes)),
        ]
        if bad := [one for one in self.outcomes if one.state != "kept"]:
            rows.append(("not kept", reasons(bad)))
        return Grid(f"{self.run.output}: what it will take", ("what", "about"), tuple(rows))


def estimate(task: Task, run: Run, tell: Tell) -> Estimate:
    """Lift a few rows and reckon.

    Raises:
        SynthesisError: If the table has no row.
        UseError: As of the run itself.
    """
    check_output(task, run)
    lifter = Lifter(task)
    numbers = lifter.stills.numbers[: run.limit]
    if not numbers:
        raise SynthesisError(f"{task.table} has no row to begin with")
    count = min(SAMPLE, len(numbers))
    outcomes = []
    for place in range(count):
        outcome = lifter.lift(numbers[place * len(numbers) // count])
        assert outcome is not None
        outcomes.append(outcome)
        tell("sampling", place + 1, count)
    timed = outcomes[1:] or outcomes
    steps = dict.fromkeys(step for one in timed for step in one.seconds)
    seconds = {step: sum(one.seconds.get(step, 0.0) for one in timed) / len(timed) for step in steps}
    on_gpu = tuple(step for step in KINDS if _holds_gpu(getattr(lifter.steps, step), step, run))
    kept = [one for one in outcomes if one.state == "kept"]
    pair = sum(lifter.store.size("pair", one.pair) for one in kept) / max(1, len(kept))
    stored = sum(lifter.store.size(step, name) for one in outcomes for step, name in _outputs(one)) / count
    return Estimate(len(numbers), outcomes, seconds, on_gpu, pair, stored, run)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(9, 12)]
    [0.468, 0.911]
    """
    z = 1.96
    middle = (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * math.sqrt(hits * (count - hits) / count + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def _outputs(outcome: Outcome) -> list[tuple[str, str]]:
    return [*outcome.facts.get("outputs", {}).items()]


def _holds_gpu(step: object, name: str, run: Run) -> bool:
    if run.engine == "ray":
        return name in run.resources and run.resources[name].num_gpus > 0
    return "cuda" in str(getattr(step, "device", ""))


def _ends(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(one.state for one in outcomes)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _size(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
