"""One number for one output, so that nothing good makes up for something broken. Aspect "overall"."""

import math

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.functional.motion import RATIO_CAP
from veggie_pl.metrics.measures.answer import miou, presence
from veggie_pl.metrics.measures.motion import warp_ratio
from veggie_pl.metrics.scored import Scored

ANSWER_WEIGHT = 2.0  # of the answer against 1 of each other axis, as instruction following in VEFX-Bench's GeoAgg
GRAIN = 10.0  # 8-bit levels of noise, more than the source's, that cost an output's quality a factor of e
FLOOR = 0.03  # least value of an axis: what fails on one axis can still be told from what fails on all


def overall(scored: Scored) -> Values:
    r"""Take the geometric mean G of up to five axes in [0.03, 1]; 100 (G - 0.03) / (1 - 0.03), in %.

    ============ ===================================================================================================
    answer       twice: ``answer``
    change       1 where anything was done (or, of a region to point at, nothing was to be done), else 0
    preservation structural similarity to the source over what should stay; not of a new style
    motion       1 where the output moves as smoothly as its source, 0 where ``warp_ratio`` is at its cap of 10
    quality      ``quality``: sharpness and noise beside the source's
    ============ ===================================================================================================

    NaN where the answer is not known; another axis that is not defined is left out.
    """
    skill = scored.batch.skill[0]
    axes = [answer(scored), change(scored), motion(scored), quality(scored)]
    if skill is not Skill.STYLIZATION:
        axes.append(scored.kept_likeness)
    axes = [axis.double().clamp(FLOOR, 1) for axis in axes]  # NaN stays
    mean = functional.geometric_mean(axes, [ANSWER_WEIGHT, *[1.0] * (len(axes) - 1)])
    return torch.where(axes[0].isnan(), torch.nan, 100 * (mean - FLOOR) / (1 - FLOOR))


def answer(scored: Scored) -> Values:
    """Tell how right the answer is, in [0, 1], by the first of these that there is.

    mIoU of a region; what the detector finds of an addition; ``functional.closeness`` to the exact target; what the
    detector finds of a removal; the first axis of the judge; else NaN.
    """
    skill = scored.batch.skill[0]
    if skill.is_painted:
        return miou(scored) / 100
    if skill is Skill.ADDITION and scored.has(("detector",)):
        return presence(scored) / 100
    if scored.has(("target",)):
        return functional.closeness(scored.edited, scored.batch.source, scored.target, scored.batch.mask)
    if skill is Skill.REMOVAL and scored.has(("detector",)):
        return 1 - presence(scored) / 100
    judge = scored.experts.judge
    if judge is None:
        return torch.full((len(scored.edited),), torch.nan, dtype=torch.float64)
    least, greatest = judge.scale
    found = [one.scores.get(judge.axes[0], torch.nan) for one in scored.judgements]
    return (torch.tensor(found, dtype=torch.float64) - least) / (greatest - least)


def change(scored: Scored) -> Values:
    """Tell whether anything was done, 1 or 0; where there is no region to point at, doing nothing is right, too."""
    changed = functional.has_changed(scored.change)
    if not scored.batch.skill[0].is_painted:
        return changed
    return torch.where(scored.batch.mask.flatten(1).any(1), changed, 1.0)


def motion(scored: Scored) -> Values:
    """Map ``warp_ratio`` from 1 (or less) and its cap to 1 and 0."""
    return ((RATIO_CAP - warp_ratio(scored)) / (RATIO_CAP - 1)).clamp(max=1)


def quality(scored: Scored) -> Values:
    """Tell how sharp and how free of noise an output is beside its source, in [0, 1].

    Its sharpness over the source's, at most 1, times exp(-n / 10) for noise of n levels more than the source's.
    """
    sharp = (scored.sharpness / scored.source_sharpness).clamp(max=1)  # two plain clips: NaN, left out
    more = (scored.noise - scored.source_noise).clamp(min=0) / GRAIN
    return sharp * more.new_tensor([math.exp(-levels) for levels in more.tolist()])  # one by one: see geometric_mean


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the one measure of any skill."""
    return (Entry(Measure("overall", "%", PERCENT, worst=0.0, aspect="overall"), overall),)
