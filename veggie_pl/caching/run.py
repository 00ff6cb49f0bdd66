"""Goes through the rows of a run in many processes and fills the caches with what they lack."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import DataLoader, Dataset

from veggie_pl.batch import MissingSample, Sample, collate
from veggie_pl.caching.filler import Filler
from veggie_pl.caching.work import Portion
from veggie_pl.callbacks.error_budget import ALWAYS_ALLOWED, BudgetError
from veggie_pl.data.mixture import Mixture, read_sample
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.table.quarantine import RunLog
from veggie_pl.data.workers import start_worker
from veggie_pl.models.cache import CacheError


class Done(NamedTuple):
    """What became of a row.

    Args:
        what: "present", "filled", "nameless", "missing", "to fill" or "failed".
        counts: Entries found, made and damaged on the way.
        missing: Why it cannot be read.
        sample: To be filled by the process that has the device.
        reason: Of a failure that ends all.
    """

    what: str
    counts: dict[str, int] = {}  # noqa: RUF012
    missing: MissingSample | None = None
    sample: Sample | None = None
    reason: str = ""


class Rows(Dataset[Done]):
    """All rows of some portions; reading one fills the caches, or brings the sample where only one process may.

    Args:
        mixture: Of the run.
        portions: Of its groups.
        filler: With caches that are ready.
        fills_here: Whether any process may compute: on a CPU, where each has the weights by being forked.
    """

    def __init__(self, mixture: Mixture, portions: Sequence[Portion], filler: Filler, fills_here: bool) -> None:
        self.mixture, self.portions, self.filler, self.fills_here = mixture, portions, filler, fills_here
        self.ends = np.cumsum([len(one.rows) for one in portions])

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, place: int) -> Done:
        number = int(np.searchsorted(self.ends, place, side="right"))
        portion = self.portions[number]
        row = int(portion.rows[place - int(self.ends[number])])
        stream = self.mixture.streams[portion.group.stream].stream
        try:
            names = stream.names(row)  # before anything is decoded: a run that is taken up again is quick
        except BadRecordError:
            names = None
        if names is not None and names.source and portion.shape and self.filler.has(names, portion.shape):
            return Done("present")
        sample = read_sample(stream, row, portion.group.stream, portion.group.bucket)
        if isinstance(sample, MissingSample):
            return Done("missing", missing=sample)
        if not sample.names.source:
            return Done("nameless")
        return self._fill(sample) if self.fills_here else Done("to fill", sample=sample)

    def _fill(self, sample: Sample) -> Done:
        before = self.filler.counts()
        try:
            self.filler.fill(collate([(0, sample)]))
        except CacheError as error:
            return Done("failed", reason=str(error))
        return Done("filled", dict(self.filler.counts() - before))


@dataclass
class Filled:
    """What was done so far."""

    rows: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)  # by stream

    def __str__(self) -> str:
        parts = [f"{self.entries['made']:,} entries made", f"{self.rows['present']:,} examples there before"]
        parts += [f"{self.entries['damaged']:,} damaged entries made again"] * bool(self.entries["damaged"])
        parts += [f"{self.rows['nameless']:,} examples without names left out"] * bool(self.rows["nameless"])
        parts += [f"{self.bad.total():,} examples that cannot be read left out"] * bool(self.bad)
        return ", ".join(parts)


def fill_all(
    rows: Rows,
    filled: Filled,
    log: RunLog,
    num_workers: int,
    batch_size: int,
    max_bad: float,
    timeout: float = 0.0,
    on_rows: Callable[[int], None] = lambda done: None,
) -> None:
    """Fill what is lacking; stopped at any moment, what was made stays, and nothing else does.

    Args:
        rows: What to go through.
        filled: Counts what is done, also of a run that ends early.
        log: Where examples that cannot be read are written down.
        num_workers: Processes that read, and on a CPU compute; 0 does all in this one.
        batch_size: Examples at a time, where one process computes.
        max_bad: Largest part of a stream's rows that may be bad; ten are always allowed.
        timeout: Seconds that a row may take; 0 waits for ever.
        on_rows: Called with the number of rows done.

    Raises:
        BudgetError: If more rows of a stream are bad.
        CacheError: If a folder takes no more.
    """
    planned = Counter[str]()
    for portion in rows.portions:
        planned[portion.group.stream] += len(portion.rows)
    waiting: dict[tuple[int, ...], list[Sample]] = {}

    def fill(samples: list[Sample]) -> None:
        before = rows.filler.counts()
        rows.filler.fill(collate([*enumerate(samples)]))
        filled.entries.update(rows.filler.counts() - before)

    for number, done in enumerate(_in_processes(rows, num_workers, timeout)):
        if done.what == "failed":
            raise CacheError(done.reason)
        filled.rows[done.what] += 1
        filled.entries.update(done.counts)
        if done.missing is not None:
            _note(done.missing, filled, log, planned[done.missing.stream], max_bad)
        if done.sample is not None:
            alike = waiting.setdefault(tuple(done.sample.source.shape), [])
            alike.append(done.sample)
            if len(alike) >= batch_size:
                fill(alike)
                alike.clear()
        on_rows(number + 1)
    for samples in waiting.values():
        if samples:
            fill(samples)
    rows.filler.flush()


def _in_processes(rows: Rows, num_workers: int, timeout: float) -> Iterator[Done]:
    options: dict[str, Any] = {"prefetch_factor": 4, "timeout": timeout} if num_workers else {}
    loader: DataLoader[Done] = DataLoader(
        rows, batch_size=None, num_workers=num_workers, worker_init_fn=start_worker, **options
    )
    return iter(loader)


def _note(one: MissingSample, filled: Filled, log: RunLog, planned: int, max_bad: float) -> None:
    """Count what cannot be read, and end where it is too much."""
    filled.bad[one.stream] += 1
    log.add(one.stream, -1, one.row, one.key, one.reason)
    bad = filled.bad[one.stream]
    if bad > ALWAYS_ALLOWED and bad > max_bad * planned:
        raise BudgetError(
            f"{bad} of {planned} rows of {one.stream} cannot be read, more than error_budget.max_bad of {max_bad:g} "
            f"allows (the last: {one.key}: {one.reason}). All are in {log.path}. `python -m veggie_pl check` finds bad "
            "rows of a prepared table"
        )
