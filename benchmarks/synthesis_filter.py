"""Does the filter of synthesised pairs find faults, and leave good pairs alone? Planted faults beside good pairs.

    python -m benchmarks.synthesis_filter [--pairs 60] [--seed 2] [--preset embedded] [--worst]

Good pairs are Moving Shapes' pictures of six skills set in motion by a camera, by parallax and by their own world,
every other one through JPEG; faults are planted in others (``veggie_pl.synthesis.assess.planted``). The bounds of
the preset were chosen on seed 0: ``--seed 0 --worst`` prints the worst value that a good pair has of each measure.
Recall is the share of faults of a kind that are rejected; precision is the share of faults among what is rejected of
that kind and of all good pairs together, as if there were as many faults of each kind as good pairs. Prints markdown.
"""

import argparse
import math
from collections import Counter
from itertools import islice

from veggie_pl.synthesis.assess import RuleAssessor
from veggie_pl.synthesis.assess.asked import MEASURES
from veggie_pl.synthesis.assess.planted import FAULTS, MOTIONS, good_pairs, planted
from veggie_pl.synthesis.protocols import Assessment


def assessed(assessor: RuleAssessor, num_pairs: int, seed: int) -> tuple[dict[str, list[Assessment]], list[Assessment]]:
    """Assess planted faults by kind, and as many good pairs of each motion."""
    bad = {fault: [assessor.assess(pair) for pair in islice(planted(fault, seed), num_pairs)] for fault in FAULTS}
    good = [assessor.assess(pair) for _, pair in islice(good_pairs(seed), num_pairs * len(MOTIONS))]
    return bad, good


def rates(bad: list[Assessment], good: list[Assessment]) -> tuple[float, float]:
    """Return recall, and precision at as many faults as good pairs, in [0, 1]; precision 0 for none."""
    recall = sum(bool(one.rejected) for one in bad) / len(bad)
    false = sum(bool(one.rejected) for one in good) / len(good)
    return recall, recall / (recall + false) if recall + false > 0 else 0.0


def table(bad: dict[str, list[Assessment]], good: list[Assessment]) -> list[str]:
    """Lay out a row for each fault, and one for the good pairs."""
    lines = ["| Pairs | n | rejected | recall | precision | by which rules |", "|---|---|---|---|---|---|"]
    every = [one for found in bad.values() for one in found]
    for name, found in [*bad.items(), ("all faults", every)]:
        recall, precision = rates(found, good)
        lines.append(f"{_head(name, found)} | {recall:.3f} | {precision:.3f} | {_rules(found)} |")
    lines.append(f"{_head('good', good)} | | | {_rules(good)} |")
    return lines


def _head(name: str, found: list[Assessment]) -> str:
    return f"| {name} | {len(found)} | {sum(bool(one.rejected) for one in found)}"


def _rules(found: list[Assessment]) -> str:
    count = Counter(rule for one in found for rule in one.rejected)
    return ", ".join(f"{rule} {times}" for rule, times in count.most_common())


def worst(assessor: RuleAssessor, good: list[Assessment]) -> list[str]:
    """Lay out the worst values of good pairs beside the bounds."""
    lines = ["| Measure | unit | worst of the good | bound |", "|---|---|---|---|"]
    for name, rule in assessor.rules.items():
        values = [one.values[name] for one in good if not math.isnan(one.values[name])]
        bound = f"at least {rule.least:g}" if rule.least is not None else f"at most {rule.most:g}"
        extreme = min(values) if rule.least is not None else max(values)
        lines.append(f"| {name} | {MEASURES[name].unit} | {extreme:.3g} | {bound} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60, help="of each fault, and good ones of each motion")
    parser.add_argument("--seed", type=int, default=2, help="of pictures, motions and faults")
    parser.add_argument("--preset", default="embedded")
    parser.add_argument("--worst", action="store_true", help="print the worst values of good pairs, too")
    given = parser.parse_args()
    assessor = RuleAssessor(given.preset)
    bad, good = assessed(assessor, given.pairs, given.seed)
    print("\n".join(table(bad, good)))
    if given.worst:
        print("\n".join(["", *worst(assessor, good)]))


if __name__ == "__main__":
    main()
