"""Whether an output left alone what it should, and did anything at all. Aspects "preservation" and "change".

Unlike ``psnr_outside``, these need no exact answer: they compare with the SOURCE.
"""

import math

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.scored import Scored


def kept_psnr(scored: Scored) -> Values:
    """Give the PSNR to the source over what should stay, in dB; see ``Scored.kept``."""
    return _known(scored, functional.psnr(scored.edited, scored.batch.source, scored.kept))


def kept_ssim(scored: Scored) -> Values:
    """Average the structural similarity to the source over what should stay, in %."""
    return _known(scored, 100 * scored.kept_likeness)


def changed(scored: Scored) -> Values:
    """Tell whether anything was done at all, 100 or 0 %: ``functional.has_changed``."""
    return 100 * functional.has_changed(scored.change)


def changed_share(scored: Scored) -> Values:
    """Give the part of the pixels that changed visibly, in %: a fact of the output, neither good nor bad."""
    return 100 * functional.changed_share(scored.change)


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit; of a new style nothing is to stay."""
    if skill.is_painted:
        return ()
    return _CHANGE if skill is Skill.STYLIZATION else (*_KEPT, *_CHANGE)


def _known(scored: Scored, values: Values) -> Values:
    """Leave out new backgrounds without a mask: the largest change is the background, not a guess at an object."""
    guessed = ~scored.batch.mask.flatten(1).any(1)
    background = torch.tensor([skill is Skill.BACKGROUND for skill in scored.batch.skill], device=values.device)
    return torch.where(guessed & background, torch.nan, values)


_KEPT = (
    Entry(Measure("kept_psnr", "dB", (-math.inf, 100.0), worst=0.0, aspect="preservation"), kept_psnr),
    Entry(Measure("kept_ssim", "%", (-math.inf, 100.0), worst=0.0, aspect="preservation"), kept_ssim),
)
_CHANGE = (
    Entry(Measure("changed", "%", PERCENT, worst=0.0, aspect="change"), changed),
    Entry(Measure("changed_share", "%", PERCENT, worst=0.0, aspect="change"), changed_share),
)
