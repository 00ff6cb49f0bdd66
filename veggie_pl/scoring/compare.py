"""One method against others, sample by sample: what differs, how surely, and who ranks where."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.metrics.report import Report, Result, SampleScore
from veggie_pl.metrics.tables import NO_NUMBER, Grid
from veggie_pl.scoring.bootstrap import NUM_RESAMPLES, paired_bootstrap
from veggie_pl.scoring.ranking import Ranking, named, rank_reports

Pair = tuple[Skill, str]  # skill and key of a sample


@dataclass(frozen=True)
class Difference:
    """How far a method is ahead of another in one row, over the samples for which both have a number.

    Args:
        skill: Of the row.
        metric: Of the row.
        other: The method compared with.
        gain: Mean difference in the row's unit, positive where the first method is better; NaN without samples.
        low: Its interval's lower end; NaN for fewer than two samples.
        high: The upper end.
        flips: Share of resamples in which the gain has the other sign; half of those in which it is zero count. NaN
            where the gain is zero.
        n: Samples that it is over.
        unpaired: Samples for which only one of the two has a number.
        unit: Of the gain.
    """

    skill: Skill
    metric: str
    other: str
    gain: float
    low: float
    high: float
    flips: float
    n: int
    unpaired: int
    unit: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """A method against others.

    Args:
        method: The first of the reports.
        differences: By row, and within it by the other method.
        lacking: Of each other method, how many samples only the first has, and how many only the other.
        unlike: Of each other method, in what its report differs so that numbers may not be comparable.
        ranking: Of all methods.
        seed: Of what is drawn.
    """

    method: str
    differences: tuple[Difference, ...]
    lacking: Mapping[str, tuple[int, int]]
    unlike: Mapping[str, tuple[str, ...]]
    ranking: Ranking
    seed: int

    def grid(self) -> Grid:
        """Make one row per difference."""
        rows = tuple(
            (
                one.skill.title,
                one.metric,
                one.other,
                _signed(one.gain),
                _ends(one),
                percent(one.flips),
                one.unit,
                str(one.n),
            )
            for one in self.differences
        )
        head = ("skill", "metric", "against", "gain", "95 % interval", "sign flips", "unit", "n")
        return Grid(f"{self.method} against {', '.join(self.lacking)}", head, rows, " ".join(self.notes()))

    def notes(self) -> list[str]:
        """Say what the differences leave out, and what is not alike."""
        said = [
            f"Paired bootstrap over samples, {NUM_RESAMPLES} resamples, seed {self.seed}; gains are positive where "
            f"{self.method} is better. All samples weigh the same, also in giou and ciou."
        ]
        for other, (own, others) in self.lacking.items():
            if own or others:
                said.append(f"{own} samples are only in {self.method} and {others} only in {other}: in no difference.")
        said += [f"{other} differs in {', '.join(what)}." for other, what in self.unlike.items() if what]
        return said


def compare_reports(reports: Sequence[Report], seed: int = 0) -> Comparison:
    """Compare the first report with all others.

    Samples are paired by skill and key. The mean difference of a row is bootstrapped over its pairs: what an easy or a
    hard sample adds to both methods falls out, which two intervals side by side cannot show. Ends are percentiles; for
    fewer than about 20 samples they are too narrow. All samples weigh the same, also in measures whose number weighs
    them, such as ciou: there a gain is not the difference of the two numbers.

    Args:
        reports: At least two, with the scores of their samples.
        seed: What is drawn is a function of the seed and the number of pairs alone.

    Raises:
        UseError: If there are fewer than two reports, one has no scores of samples or has one twice, or the first has
            no sample in common with another.
    """
    if len(reports) < 2:
        raise UseError(f"a comparison needs at least two reports, got {len(reports)}")
    by_name = named(reports)
    scores = {name: _by_sample(name, report) for name, report in by_name.items()}
    method, *others = by_name
    lacking = {}
    for other in others:
        shared = scores[method].keys() & scores[other].keys()
        if not shared:
            raise UseError(f"{method} and {other} have no sample in common, by skill and key; are they of one bench?")
        lacking[other] = (len(scores[method]) - len(shared), len(scores[other]) - len(shared))
    rows = {result.row: result for result in by_name[method].results}
    differences = tuple(
        _difference(rows[row], other, scores[method], scores[other], seed)
        for row in rows
        for other in others
        if any(result.row == row for result in by_name[other].results)
    )
    unlike = {other: _unlike(by_name[method], by_name[other]) for other in others}
    return Comparison(method, differences, lacking, unlike, rank_reports(by_name), seed)


def _difference(
    result: Result,
    other: str,
    own: Mapping[Pair, SampleScore],
    others: Mapping[Pair, SampleScore],
    seed: int,
) -> Difference:
    shared = [sample for sample in own if sample[0] == result.skill and sample in others]
    pairs = np.array(
        [[scores[sample].values.get(result.metric, math.nan) for scores in (own, others)] for sample in shared]
    ).reshape(-1, 2)
    finite = np.isfinite(pairs)
    both = finite.all(1)
    gains = (pairs[both, 0] - pairs[both, 1]) * (1 if result.higher_is_better else -1)
    low, high, flips = paired_bootstrap(gains, seed)
    gain = float(gains.mean()) if len(gains) else math.nan
    unpaired = int((finite[:, 0] != finite[:, 1]).sum())
    return Difference(result.skill, result.metric, other, gain, low, high, flips, len(gains), unpaired, result.unit)


def _by_sample(name: str, report: Report) -> dict[Pair, SampleScore]:
    found = {(one.skill, one.key): one for one in report.samples}
    if not found:
        raise UseError(f"the report of {name} has no scores of samples; score it again to compare it")
    if len(found) < len(report.samples):
        raise UseError(f"the report of {name} has {len(report.samples) - len(found)} samples twice, by skill and key")
    return found


def _unlike(own: Report, other: Report) -> tuple[str, ...]:
    """Name what two reports were not made alike in."""
    found = ["bench"] if own.bench != other.bench else []
    for what in ("conventions", "experts"):
        ours, theirs = getattr(own, what), getattr(other, what)
        found += [f"{what}: {key}" for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key)]
    return tuple(found)


def _signed(value: float) -> str:
    return NO_NUMBER if math.isnan(value) else f"{value:+.2f}"


def _ends(one: Difference) -> str:
    return NO_NUMBER if math.isnan(one.low) else f"[{one.low:+.2f}, {one.high:+.2f}]"


def percent(share: float) -> str:
    """Write a share in % with one decimal; NaN is "-"."""
    return NO_NUMBER if math.isnan(share) else f"{100 * share:.1f} %"
