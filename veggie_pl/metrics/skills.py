"""The table: which measures each of the eight skills is scored by."""

import math

from torchmetrics import MetricCollection

from veggie_pl.batch import Skill
from veggie_pl.experts.detections import Detector
from veggie_pl.metrics import measures
from veggie_pl.metrics.intervals import Interval
from veggie_pl.metrics.per_sample import Measure, PerSampleMean
from veggie_pl.metrics.remembering import RememberingDetector

_REGION = ("miou", "j", "f", "ssim")
_PARTS = ("psnr_inside", "psnr_outside", "ssim_inside", "ssim_outside")
SKILL_MEASURES: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: ("detection", "success", *_PARTS),
    Skill.REMOVAL: ("detection", "success", *_PARTS),
    Skill.CHANGING: ("success", *_PARTS),
    Skill.BACKGROUND: ("success", *_PARTS),
    Skill.VISUAL_FEATURE: ("success", *_PARTS),
    Skill.STYLIZATION: ("success", "psnr", "ssim"),  # nearly all changes: there is hardly an outside
    Skill.GROUNDING: _REGION,
    Skill.REASONING: _REGION,
}
_MEASURES: dict[str, Measure] = {
    "miou": measures.miou,
    "j": measures.jaccard,
    "f": measures.boundary,
    "ssim": measures.ssim,
    "ssim_inside": measures.ssim_inside,
    "ssim_outside": measures.ssim_outside,
    "psnr": measures.psnr,
    "psnr_inside": measures.psnr_inside,
    "psnr_outside": measures.psnr_outside,
    "success": measures.change_success,
}


def skill_metrics(skill: Skill, detector: Detector) -> MetricCollection:
    """The metrics of one skill, by name; each is updated with ``(edited, batch)`` and is better when higher.

    =============== =====================================================================
    miou, j, f      region of the colour fill decoded from the output, in %
    ssim, psnr      output against the exact target, whole clip, in % and dB
    *_inside        the same over the changed region
    *_outside       the same over what should stay; not defined where nothing stays
    success         the edit is right, in %: ``change_success``, addition: ``addition_success``
    detection       the phrase is found (addition) or not found (removal) by the detector
    =============== =====================================================================

    Args:
        skill: One of the eight.
        detector: Looks for what was added or removed; must give the same frames the same answer.
    """
    own: dict[str, Measure] = dict(_MEASURES)
    if skill is Skill.ADDITION:
        detector = RememberingDetector(detector)
        own |= {"detection": measures.Presence(detector), "success": measures.Placed(detector)}
    if skill is Skill.REMOVAL:
        own |= {"detection": measures.Absence(detector)}
    rows = {name: PerSampleMean(own[name], _unit(name), _bounds(name)) for name in SKILL_MEASURES[skill]}
    # Metrics whose states happen to agree after the first batch would be taken for one and the same, and only one of
    # them would be updated from then on: two PSNR that both start at the cap, for instance.
    return MetricCollection(dict(rows), compute_groups=False)


def _unit(name: str) -> str:
    if name.startswith("psnr"):
        return "dB"
    return "score" if name == "detection" else "%"


def _bounds(name: str) -> Interval:
    """What is missed altogether scores 0; a likeness does not come near to its least value."""
    return (-math.inf, 100.0) if name.startswith(("psnr", "ssim")) else (0.0, 100.0)
