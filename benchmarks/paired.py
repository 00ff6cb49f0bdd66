"""What a variant gains on another one where both edited the same clips, from models of several seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report
from veggie_pl.seeding import numpy_rng

RESAMPLES = 10_000
LEVEL = 0.95


def gains(reports: Sequence[Report], others: Sequence[Report], skill: Skill, metric: str) -> Float[np.ndarray, "s n"]:
    """How far each clip of a skill is better, by seed: what a hard clip or a bad start costs both falls out.

    Args:
        reports: Of models of the seeds, in their order.
        others: Of what they are held against, likewise.
        skill: Whose clips.
        metric: In which measure, higher being better.
    """
    pairs = [
        (_values(one, skill, metric), _values(other, skill, metric)) for one, other in zip(reports, others, strict=True)
    ]
    keys = sorted(set.intersection(*({*one} & {*other} for one, other in pairs)))
    return np.array([[one[key] - other[key] for key in keys] for one, other in pairs])


def interval(gained: Float[np.ndarray, "s n"], seed: int = 0) -> tuple[float, float]:
    """Ends of the 95 % interval of the mean, over new seeds and new clips.

    Rows and columns are drawn anew at once (the pigeonhole bootstrap, Owen, Annals of Applied Statistics 1(2), 2007),
    which is on the safe side where both are chance. One seed alone tells of new clips only.
    """
    seeds, clips = gained.shape
    rng = numpy_rng("pigeonhole", seed, seeds, clips)
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
    columns = rng.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES) / clips
    means = ((rows @ gained) * columns).sum(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def paired_table(reports: Mapping[str, Sequence[Report]], against: str, columns: Mapping[Skill, str]) -> list[str]:
    """Markdown: what each variant gains on one of them, by skill; bold where the interval leaves out zero.

    Args:
        reports: Of each variant, one a seed.
        against: The variant that the others are held against.
        columns: The measure of each skill.
    """
    lines = ["| variant | " + " | ".join(skill.title for skill in columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, found in reports.items():
        if name == against:
            continue
        cells = []
        for skill, metric in columns.items():
            gained = gains(found, reports[against], skill, metric)
            low, high = interval(gained)
            text = f"{gained.mean():+.0f} [{low:+.0f}, {high:+.0f}]"
            cells.append(f"**{text}**" if low > 0 or high < 0 else text)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _values(report: Report, skill: Skill, metric: str) -> dict[str, float]:
    own = {one.key: one.values.get(metric, np.nan) for one in report.samples if one.skill is skill}
    return {key: value for key, value in own.items() if np.isfinite(value)}
