"""The table: which measures each of the eight skills is scored by."""

from dataclasses import dataclass, field, fields
from typing import Any

from veggie_pl.batch import Batch, Clips, Skill
from veggie_pl.data.benchmark import Measure, SkillMeasures, Values
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detector
from veggie_pl.experts.protocols import FrameFeatures, FrameQuality, ImageText, Judge
from veggie_pl.metrics.entry import Entry
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.measures import (
    answer,
    consistency,
    judged,
    motion,
    overall,
    preservation,
    quality,
    region,
    seams,
    text,
)
from veggie_pl.metrics.score import HEADLINE
from veggie_pl.metrics.scored import Scored

ASPECTS = (
    *("answer", "region", "text", "consistency", "motion", "preservation", "change"),
    *("quality", "judge", "seams", "overall"),
)


def entries(skill: Skill, experts: Experts | None = None) -> tuple[Entry, ...]:
    """List all measures of a skill, whether or not there is what they need.

    Args:
        skill: Of the edits.
        experts: A judge and a quality model name measures of their own.
    """
    given = experts or Experts()
    plain = (answer, region, text, consistency, motion, preservation)
    return (
        *(entry for module in plain for entry in module.rows(skill)),
        *quality.rows(skill, given.quality),
        *judged.rows(skill, given.judge),
        *seams.rows(skill),
        *overall.rows(skill),
    )


TABLE: dict[Skill, tuple[Entry, ...]] = {skill: entries(skill) for skill in Skill}


@dataclass(frozen=True)
class SkillRow:
    """Scores the edits of one skill by its row of the table; implements ``SkillMeasures``."""

    skill: Skill
    experts: Experts = field(default_factory=Experts)
    aspects: tuple[str, ...] = ASPECTS
    joins: tuple[int, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Those of the table that look at the aspects, whether or not there is what they need."""
        return tuple(entry for entry in entries(self.skill, self.experts) if entry.measure.aspect in self.aspects)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """How the numbers are read."""
        return tuple(entry.measure for entry in self.entries)

    @property
    def headline(self) -> str:
        """Success of edits, mIoU of grounding and reasoning."""
        return HEADLINE[self.skill]

    def __call__(self, edited: Clips, batch: Batch) -> dict[str, Values]:
        """Compute the row; see ``SkillMeasures``."""
        return self.with_notes(edited, batch)[0]

    def with_notes(self, edited: Clips, batch: Batch) -> tuple[dict[str, Values], list[dict[str, Any]]]:
        """Compute the row, and what there is to say of each sample: replies and failures of a judge.

        Returns:
            Values as of ``SkillMeasures``, and one mapping a sample that JSON can hold, empty where all is said.
        """
        scored = Scored(edited, batch, self.experts, self.joins)
        there = [entry for entry in self.entries if scored.has(entry.measure.needs)]
        values = {measure.name: compute(scored) for measure, compute in there}
        if any(measure.weight for measure, _ in there):
            values |= region.weights(scored)
        return values, scored.notes


class SkillTable:
    """The table of the eight skills; implements ``Measures``.

    ============ ========================================================================================
    answer       miou, j, f: region of the colour fill decoded from the output; ssim, psnr: output against
                 the exact target, *_inside over the changed region, *_outside over what should stay;
                 success: the edit is right; detection: the phrase is found (addition) or not (removal);
                 ghost: what was to go is still seen (removal, changing)
    region       jf, giou, ciou
    text         alignment with the caption (removal: with the phrase, from 100), direction of the change
    consistency  smoothness (CLIP-F), vbench_subject, vbench_background
    motion       warp_ratio to the source, vbench_flickering
    preservation kept_psnr, kept_ssim: output against the SOURCE over what should stay
    change       changed: anything was done at all; changed_share of the pixels
    quality      sharpness, noise, and quality_* of a model
    judge        judge_*: axes of a judge
    seams        seam, drift, identity of long clips
    overall      the geometric mean of answer, change, preservation, motion, quality of each sample
    ============ ========================================================================================

    What a measure needs and is not given leaves it out; a fact that an example lacks leaves that sample out (NaN).

    Args:
        detector: Looks for what was added or removed, such as ``veggie_pl.experts.shape_detector.ShapeDetector``.
        image_text: Compares frames and words: CLIP, SigLIP.
        features: Compares frames: DINO.
        quality: Rates clips without a reference.
        judge: Rates edits.
        aspects: Which of ``ASPECTS`` are scored; None is all.
        joins: First frames of the windows that long clips were edited in, such as [8, 16].

    Raises:
        UseError: If an aspect is unknown.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        image_text: ImageText | None = None,
        features: FrameFeatures | None = None,
        quality: FrameQuality | None = None,
        judge: Judge | None = None,
        aspects: list[str] | None = None,
        joins: list[int] | None = None,
    ) -> None:
        if unknown := [name for name in aspects or () if name not in ASPECTS]:
            raise UseError(f"measures look at no {', '.join(unknown)}; the aspects are {', '.join(ASPECTS)}")
        self.experts = Experts(detector, image_text, features, quality, judge)
        self.aspects = ASPECTS if aspects is None else tuple(aspects)
        self.joins = tuple(joins or ())

    def of_skill(self, skill: Skill) -> SkillMeasures:
        """Return the row of a skill."""
        return SkillRow(skill, self.experts, self.aspects, self.joins)

    def with_experts(self, experts: Experts) -> "SkillTable":
        """Return the same table that asks others."""
        given = {one.name: getattr(experts, one.name) for one in fields(Experts)}
        return SkillTable(**given, aspects=list(self.aspects), joins=list(self.joins))
