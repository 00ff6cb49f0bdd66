"""The table: which measures each of the eight skills is scored by."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from veggie_pl.batch import Batch, Clips, Skill
from veggie_pl.data.benchmark import Measure, SkillMeasures, Values
from veggie_pl.experts.detections import Detector
from veggie_pl.metrics import measures
from veggie_pl.metrics.measures import Scored
from veggie_pl.metrics.score import HEADLINE


class Entry(NamedTuple):
    """One cell of the table."""

    measure: Measure
    compute: Callable[[Scored], Values]


def _entry(
    name: str, compute: Callable[[Scored], Values], unit: str = "%", least: float = 0.0, needs: str = "target"
) -> Entry:
    return Entry(Measure(name, unit, (least, 100.0), needs=(needs,) if needs else ()), compute)


# What is missed altogether scores 0; a likeness does not come near to its least value.
_FAR = -math.inf
_SSIM = _entry("ssim", measures.ssim, least=_FAR)
_PSNR = _entry("psnr", measures.psnr, "dB", _FAR)
_REGION = (
    _entry("miou", measures.miou, needs=""),
    _entry("j", measures.jaccard, needs=""),
    _entry("f", measures.boundary, needs=""),
    _SSIM,
)
_PARTS = (
    _entry("psnr_inside", measures.psnr_inside, "dB", _FAR),
    _entry("psnr_outside", measures.psnr_outside, "dB", _FAR),
    _entry("ssim_inside", measures.ssim_inside, least=_FAR),
    _entry("ssim_outside", measures.ssim_outside, least=_FAR),
)
_CHANGED = _entry("success", measures.change_success)
_PLACED = _entry("success", measures.placed, needs="detector")
_PRESENT = _entry("detection", measures.presence, "score", needs="detector")
_ABSENT = _entry("detection", measures.absence, "score", needs="detector")
TABLE: dict[Skill, tuple[Entry, ...]] = {
    Skill.ADDITION: (_PRESENT, _PLACED, *_PARTS),
    Skill.REMOVAL: (_ABSENT, _CHANGED, *_PARTS),
    Skill.CHANGING: (_CHANGED, *_PARTS),
    Skill.BACKGROUND: (_CHANGED, *_PARTS),
    Skill.VISUAL_FEATURE: (_CHANGED, *_PARTS),
    Skill.STYLIZATION: (_CHANGED, _PSNR, _SSIM),  # nearly all changes: there is hardly an outside
    Skill.GROUNDING: _REGION,
    Skill.REASONING: _REGION,
}


@dataclass(frozen=True)
class SkillRow:
    """Scores the edits of one skill by its row of the table; implements ``SkillMeasures``."""

    skill: Skill
    detector: Detector | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Those of the table, whether or not there is what they need."""
        return tuple(entry.measure for entry in TABLE[self.skill])

    @property
    def headline(self) -> str:
        """Success of edits, mIoU of grounding and reasoning."""
        return HEADLINE[self.skill]

    def __call__(self, edited: Clips, batch: Batch) -> dict[str, Values]:
        """Compute the row; see ``SkillMeasures``."""
        scored = Scored(edited, batch, self.detector)
        return {measure.name: compute(scored) for measure, compute in TABLE[self.skill] if scored.has(measure.needs)}


class SkillTable:
    """The table of the eight skills; implements ``Measures``.

    =============== =====================================================================
    miou, j, f      region of the colour fill decoded from the output, in %
    ssim, psnr      output against the exact target, whole clip, in % and dB
    *_inside        the same over the changed region
    *_outside       the same over what should stay; not defined where nothing stays
    success         the edit is right, in %: ``change_success``, addition: ``placed``
    detection       the phrase is found (addition) or not found (removal) by the detector
    =============== =====================================================================

    Args:
        detector: Looks for what was added or removed, such as ``veggie_pl.experts.shape_detector.ShapeDetector``;
            without one "detection" and the success of addition are left out.
    """

    def __init__(self, detector: Detector | None = None) -> None:
        self.detector = detector

    def of_skill(self, skill: Skill) -> SkillMeasures:
        """Return the row of a skill."""
        return SkillRow(skill, self.detector)
