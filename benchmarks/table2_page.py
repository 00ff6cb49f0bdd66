"""``docs/BASELINES.md``: the paper's layout, measures down and methods across, and what its sentences say here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result
from veggie_pl.metrics.tables import average_rank
from veggie_pl.scoring.compare import compare_reports
from veggie_pl.scoring.page.published import read_published

# What stands for the paper's columns where there is no judge, CLIP or DOVER: the exact verdict for the judge, features
# of the MLLM's tower for CLIP's, the warped error beside them, and ``overall``.
EDITING = ("success", "detection", "vbench_subject", "warp_ratio", "overall")
PAINTED = ("miou", "ssim", "j", "f")
WINDOWED = ("seam", "drift", "warp_ratio", "vbench_subject", "success")  # of clips that were edited in windows
KINDS = {  # of trained models
    "InsV2V": "InsV2V-like: instructions are read without seeing the video; three-way guidance, AnimateDiff's layers.",
    "LGVI": "LGVI-like: its temporal block, trained on removals alone; elsewhere it was never asked to learn anything.",
}
SMOOTHNESS, MOTION = "vbench_subject", "warp_ratio"


def page(
    reports: Mapping[str, Report],
    bounds: Sequence[str],
    num_test: int,
    windowed: Mapping[str, Report] | None = None,
    trained: Mapping[str, Report] | None = None,
) -> str:
    """Write the page.

    Args:
        reports: By name of the method.
        bounds: Names of those that are not ranked.
        num_test: Clips a skill.
        windowed: Reports of longer clips, by name of the method; without any the page has no such table.
        trained: Reports of models that were trained for this at equal compute, the first of them ours; likewise.
    """
    few = {name: shown(report) for name, report in reports.items()}
    ranked = {name: report for name, report in few.items() if name not in bounds}
    lines = [
        "# Baselines",
        "",
        f"Written by `make table2`: nano size, the first {num_test} clips of each skill of the test split, scored from",
        "PNG files by `score`. Methods without training stand on the shipped image model (`weights/nano/stage1`) and",
        "are asked what the video model is asked: they inherit all that it can do. Value and 95 % interval; bold is",
        "the best of those that are ranked. `vbench_subject` is by the features of the nano MLLM's vision tower, in",
        "place of CLIP and DINO, which cannot be had here; `warp_ratio` is 1 for what moves as its source does.",
        "The image model samples in two steps: shares of steps are coarse. Flatten's 0.8 is both of them, in which its",
        "features are the source's, and TokenFlow's 0.5 is the first; beside them both in 8 steps, on fewer clips and",
        "therefore not ranked.",
        "",
        *_table(few, ranked),
        "",
        f"Average rank over these rows, ties shared: {_words(average_rank(ranked))}.",
        "",
        "## What separates methods",
        "",
        "Pairs of ranked methods whose intervals do not overlap, over all editing skills:",
        "",
        *separation(ranked),
        "",
        *(at_equal_compute(trained) if trained and len(trained) > 1 else ()),
        *(where_windows_meet(windowed, bounds) if windowed else ()),
        "## What the paper says",
        "",
        *claims(few, ranked),
        "",
        "## Published numbers",
        "",
        "Of VEG-Bench and other models: beside ours, in none of our ranks.",
        "",
        *published(),
    ]
    return "\n".join(lines) + "\n"


def at_equal_compute(trained: Mapping[str, Report]) -> list[str]:
    """Write the table of models that were trained for it, and how far the first one is from each other one."""
    few = {name: shown(report) for name, report in trained.items()}
    ours, *others = trained
    lines = [
        "## Trained at equal compute",
        "",
        "A smaller size (pico), one seed, the same steps, batches and optimiser in both stages:",
        "`python -m benchmarks.table2_trained` trains and scores them, and these reports are in the tree.",
        *(said for kind, said in KINDS.items() if any(name.startswith(kind) for name in trained)),
        "",
        *_table(few, few),
        "",
        f"What {ours} gains on the others, clip by clip, with the 95 % interval of a paired bootstrap;",
        "bold where it is clear of zero:",
        "",
        "| skill | measure | " + " | ".join(f"on {name}" for name in others) + " |",
        "|---|---|" + "---:|" * len(others),
    ]
    found = {(one.skill, one.metric, one.other): one for one in compare_reports([*trained.values()]).differences}
    for skill in Skill:
        metric = _headline_of(skill)
        cells = []
        for name in others:
            one = found[skill, metric, name]
            gain = f"{one.gain:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
            cells.append(f"**{gain}**" if one.is_clear else gain)
        lines.append(f"| {skill.title} | `{metric}` | {' | '.join(cells)} |")
    return [*lines, ""]


def where_windows_meet(windowed: Mapping[str, Report], bounds: Sequence[str]) -> list[str]:
    """Write the table of longer clips, and what its measures tell apart."""
    few = {name: shown(report, WINDOWED, ()) for name, report in windowed.items()}
    ranked = {name: report for name, report in few.items() if name not in bounds}
    return [
        "## Where windows meet",
        "",
        "Clips of twice the frames that the video model takes. `seam` is how much worse the flow-warped error is where",
        "a later window begins than between other frames, less the source's own; 0 is no seam. Who edits a whole clip",
        "has none, and is asked at the same frame. The last measures are those of the table above.",
        "",
        *_table(few, ranked),
        "",
        *separation(ranked, WINDOWED),
        "",
    ]


def shown(report: Report, editing: Sequence[str] = EDITING, painted: Sequence[str] = PAINTED) -> Report:
    """Keep the rows of the table, in its order."""
    rows = {result.row: result for result in report.results}
    kept = [(skill, metric) for skill in Skill for metric in (painted if skill.is_painted else editing)]
    return replace(report, results=tuple(rows[row] for row in kept if row in rows))


def separation(ranked: Mapping[str, Report], metrics: Sequence[str] = EDITING) -> list[str]:
    """Count, for each measure of editing, the pairs that it tells apart."""
    lines = ["| measure | pairs told apart | of |", "|---|---:|---:|"]
    for metric in metrics:
        apart = total = 0
        for one, other in combinations(ranked.values(), 2):
            for mine, theirs in zip(_of(one, metric), _of(other, metric), strict=True):
                total += 1
                apart += mine.low > theirs.high or theirs.low > mine.high
        lines.append(f"| `{metric}` | {apart} | {total} |")
    return lines


def claims(few: Mapping[str, Report], ranked: Mapping[str, Report]) -> list[str]:
    """Put the paper's sentences beside our figures."""
    solved = {name: sum(row.value >= 50 for row in _headline(report)) for name, report in few.items()}
    still = {name: _mean(_of(report, SMOOTHNESS)) for name, report in few.items()}
    moved = {name: _mean(_of(report, MOTION)) for name, report in few.items()}
    best = max(still, key=lambda name: still[name])
    spread = [_span(one, ranked) for one in (still, moved)]
    return [
        f'- "The only one to do all eight": skills with success or mIoU of at least 50 %: {_words(solved, 0)}.',
        f'- "Best smoothness by changing nothing": the smoothest is {best}; mean over skills: {_words(still, 2)}.',
        f'- "Smoothness does not discriminate": over the ranked methods it spans {spread[0]:.2f} points, and the '
        f"warped error {spread[1]:.2f} of the source's; means of the latter: {_words(moved, 2)}.",
    ]


def published() -> list[str]:
    """Write what others have printed, as they print it."""
    rows = read_published()
    methods = list(dict.fromkeys(name for row in rows for name in row.values))
    lines = [
        "| skill | measure | " + " | ".join(methods) + " | source |",
        "|---|---|" + "---:|" * len(methods) + "---|",
    ]
    for row in rows:
        cells = [f"{row.values[name]:.2f}" if name in row.values else "-" for name in methods]
        lines.append(f"| {row.skill.title} | {row.measure} | {' | '.join(cells)} | {row.source.split(' (')[0]} |")
    return lines


def _table(few: Mapping[str, Report], ranked: Mapping[str, Report]) -> list[str]:
    lines = ["| skill | measure | " + " | ".join(few) + " |", "|---|---|" + "---:|" * len(few)]
    for row in next(iter(few.values())).results:
        found = {name: _row(report, row) for name, report in few.items()}
        if all(math.isnan(one.value) for one in found.values()):
            continue  # of what all methods lack, such as the drift of a thing where a style changes everything
        best = max((found[name].value * (1 if row.higher_is_better else -1) for name in ranked), default=math.nan)
        cells = []
        for name, one in found.items():
            first = name in ranked and one.value * (1 if row.higher_is_better else -1) == best
            value = f"**{one.value:.1f}**" if first else f"{one.value:.1f}"
            cells.append(f"{value} [{one.low:.1f}, {one.high:.1f}]")
        lines.append(f"| {row.skill.title} | `{row.metric}` | " + " | ".join(cells) + " |")
    return lines


def _row(report: Report, wanted: Result) -> Result:
    return next(one for one in report.results if one.row == wanted.row)


def _of(report: Report, metric: str) -> list[Result]:
    return [row for row in report.results if row.metric == metric]


def _headline(report: Report) -> list[Result]:
    return [row for row in report.results if row.metric == _headline_of(row.skill)]


def _headline_of(skill: Skill) -> str:
    return "miou" if skill.is_painted else "success"


def _mean(rows: Sequence[Result]) -> float:
    return sum(row.value for row in rows) / len(rows)


def _span(values: Mapping[str, float], ranked: Mapping[str, Report]) -> float:
    own = [values[name] for name in ranked]
    return max(own) - min(own)


def _words(values: Mapping[str, float], digits: int = 2) -> str:
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in sorted(values.items(), key=lambda one: one[1]))
