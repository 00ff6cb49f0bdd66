"""What an edit is held against: the exact answer where there is one, and what a detector finds. Aspect "answer"."""

import math
from collections.abc import Callable

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.experts.detections import Detections
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import Entry
from veggie_pl.metrics.scored import Scored

_FAR = -math.inf  # a likeness does not come near to its least value, so that it bounds no interval


def miou(scored: Scored) -> Values:
    """Compare the decoded region: IoU with frames summed before dividing, in %; see ``region_iou``."""
    return 100 * functional.region_iou(scored.decoded, scored.batch.mask)


def jaccard(scored: Scored) -> Values:
    """Compare the decoded region: J, IoU per frame, mean over frames, in %; see ``region_jaccard``."""
    return 100 * scored.frame_iou.mean(-1)


def boundary(scored: Scored) -> Values:
    """Compare the decoded region's contour: F per frame, mean over all frames, in %; see ``boundary_f``."""
    return 100 * scored.boundary.mean(-1)


def ssim(scored: Scored) -> Values:
    """Average the likeness to the target over each frame, then over frames, in %."""
    return 100 * scored.likeness.mean((-2, -1)).mean(-1)


def ssim_inside(scored: Scored) -> Values:
    """Average the likeness to the target over the changed region, in %."""
    return 100 * functional.mean_over(scored.likeness, scored.batch.mask)


def ssim_outside(scored: Scored) -> Values:
    """Average the likeness to the target over what should stay, in %."""
    return 100 * functional.mean_over(scored.likeness, ~scored.batch.mask)


def psnr(scored: Scored) -> Values:
    """Give the PSNR to the target over the whole clip, in dB."""
    return functional.psnr_of(scored.error)


def psnr_inside(scored: Scored) -> Values:
    """Give the PSNR to the target over the changed region, in dB."""
    return functional.psnr_of(scored.error, scored.batch.mask)


def psnr_outside(scored: Scored) -> Values:
    """Give the PSNR to the target over what should stay, in dB."""
    return scored.psnr_outside


def change_success(scored: Scored) -> Values:
    """Judge the edit by the exact target: right or wrong, 100 or 0 %; see ``functional.change_success``."""
    batch = scored.batch
    clips = (scored.edited, batch.source, scored.target, batch.mask)
    return 100 * functional.change_success(*clips, outside=scored.psnr_outside)


def ghost(scored: Scored) -> Values:
    """Tell how strongly what was to go, or its negative, still shows, in %; see ``functional.ghost``."""
    clips = (scored.edited, scored.batch.source, scored.target, scored.batch.mask)
    return 100 * functional.ghost(*clips).abs().clamp(max=1)


def presence(scored: Scored) -> Values:
    """Tell how surely the phrase is found, in [0, 100]: "detection" of concept addition; NaN without a phrase."""
    return _of_found(scored, functional.detection_score)


def absence(scored: Scored) -> Values:
    """Take from 100 how surely the phrase is found in the output: "detection" of concept removal."""
    return 100 - presence(scored)


def placed(scored: Scored) -> Values:
    """Judge whether the right object came to the right place, 100 or 0 %; NaN where the sample names no place."""
    undefined = torch.tensor(torch.nan, dtype=torch.float64)
    samples = zip(scored.detections, scored.batch.place, strict=True)
    return torch.stack(
        [
            undefined if place is None or found is None else 100 * functional.addition_success(found, place)
            for found, place in samples
        ]
    )


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill."""
    return _TABLE[skill]


def _of_found(scored: Scored, score: Callable[[list[Detections]], torch.Tensor]) -> Values:
    undefined = torch.tensor(torch.nan, dtype=torch.float64)
    return torch.stack([undefined if found is None else score(found) for found in scored.detections])


def _entry(
    name: str, compute: Callable[[Scored], Values], unit: str = "%", least: float = 0.0, needs: str = "target"
) -> Entry:
    return Entry(Measure(name, unit, (least, 100.0), needs=(needs,) if needs else (), worst=0.0), compute)


_SSIM = _entry("ssim", ssim, least=_FAR)
_PSNR = _entry("psnr", psnr, "dB", _FAR)
_REGION = (
    _entry("miou", miou, needs=""),
    _entry("j", jaccard, needs=""),
    _entry("f", boundary, needs=""),
    _SSIM,
)
_PARTS = (
    _entry("psnr_inside", psnr_inside, "dB", _FAR),
    _entry("psnr_outside", psnr_outside, "dB", _FAR),
    _entry("ssim_inside", ssim_inside, least=_FAR),
    _entry("ssim_outside", ssim_outside, least=_FAR),
)
_CHANGED = _entry("success", change_success)
_GHOST = Entry(Measure("ghost", "%", (0.0, 100.0), False, ("target",), 100.0), ghost)
_PLACED = _entry("success", placed, needs="detector")
_PRESENT = _entry("detection", presence, "score", needs="detector")
_ABSENT = _entry("detection", absence, "score", needs="detector")
_TABLE: dict[Skill, tuple[Entry, ...]] = {
    Skill.ADDITION: (_PRESENT, _PLACED, *_PARTS),
    Skill.REMOVAL: (_ABSENT, _CHANGED, _GHOST, *_PARTS),
    Skill.CHANGING: (_CHANGED, _GHOST, *_PARTS),
    Skill.BACKGROUND: (_CHANGED, *_PARTS),
    Skill.VISUAL_FEATURE: (_CHANGED, *_PARTS),
    Skill.STYLIZATION: (_CHANGED, _PSNR, _SSIM),  # nearly all changes: there is hardly an outside
    Skill.GROUNDING: _REGION,
    Skill.REASONING: _REGION,
}
