"""The measures as functions of outputs and batch: one number per sample, in the unit that tables print."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.batch import Batch, Clips
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detections, Detector
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.metrics import functional

Values = Float[Tensor, " b"]


def decode(edited: Clips, batch: Batch) -> Bool[Tensor, "b f h w"]:
    """The region that each output points at, read back from its colour fill."""
    return torch.stack(
        [unpaint(one, source, fill) for one, source, fill in zip(edited, batch.source, batch.fill, strict=True)]
    )


def miou(edited: Clips, batch: Batch) -> Values:
    """Intersection over union of the decoded region, frames summed before dividing, in %; see ``region_iou``."""
    return 100 * functional.region_iou(decode(edited, batch), batch.mask)


def jaccard(edited: Clips, batch: Batch) -> Values:
    """J: intersection over union of the decoded region per frame, mean over frames, in %; see ``region_jaccard``."""
    return 100 * functional.region_jaccard(decode(edited, batch), batch.mask).mean(-1)


def boundary(edited: Clips, batch: Batch) -> Values:
    """F of the decoded region's contour per frame, mean over all frames, in %; see ``boundary_f``."""
    return 100 * functional.boundary_f(decode(edited, batch), batch.mask).mean(-1)


def ssim(edited: Clips, batch: Batch) -> Values:
    """Structural similarity to the target per frame, mean over frames, in %."""
    return 100 * functional.ssim(edited, batch.target).mean(-1)


def ssim_inside(edited: Clips, batch: Batch) -> Values:
    """Structural similarity to the target over the changed region, in %."""
    return 100 * functional.ssim_inside(edited, batch.target, batch.mask)


def ssim_outside(edited: Clips, batch: Batch) -> Values:
    """Structural similarity to the target over what should stay, in %."""
    return 100 * functional.ssim_outside(edited, batch.target, batch.mask)


def psnr(edited: Clips, batch: Batch) -> Values:
    """PSNR to the target over the whole clip, in dB."""
    return functional.psnr(edited, batch.target)


def psnr_inside(edited: Clips, batch: Batch) -> Values:
    """PSNR to the target over the changed region, in dB."""
    return functional.psnr_inside(edited, batch.target, batch.mask)


def psnr_outside(edited: Clips, batch: Batch) -> Values:
    """PSNR to the target over what should stay, in dB."""
    return functional.psnr_outside(edited, batch.target, batch.mask)


def change_success(edited: Clips, batch: Batch) -> Values:
    """Whether the edit is right against the exact target, 0 or 100 %; see ``functional.change_success``."""
    return 100 * functional.change_success(edited, batch.source, batch.target, batch.mask)


@dataclass(frozen=True)
class Presence:
    """How surely the phrase is found in the output, in [0, 100]: "detection" of concept addition."""

    detector: Detector

    def __call__(self, edited: Clips, batch: Batch) -> Values:
        """Score each clip."""
        found = _detect(self.detector, edited, batch)
        return torch.stack([functional.detection_score(one) for one in found])


@dataclass(frozen=True)
class Absence:
    """100 minus how surely the phrase is found in the output: "detection" of concept removal."""

    detector: Detector

    def __call__(self, edited: Clips, batch: Batch) -> Values:
        """Score each clip."""
        return 100 - Presence(self.detector)(edited, batch)


@dataclass(frozen=True)
class Placed:
    """Whether the right thing came to the right place, 0 or 100 %; NaN where the sample names no place."""

    detector: Detector

    def __call__(self, edited: Clips, batch: Batch) -> Values:
        """Score each clip."""
        found = _detect(self.detector, edited, batch)
        undefined = torch.tensor(torch.nan, dtype=torch.float64)
        return torch.stack(
            [
                undefined if place is None else 100 * functional.addition_success(one, place)
                for one, place in zip(found, batch.place, strict=True)
            ]
        )


def _detect(detector: Detector, edited: Clips, batch: Batch) -> list[list[Detections]]:
    """Detections by clip and frame.

    Raises:
        UseError: If a sample has no phrase to look for.
    """
    if unnamed := [key for key, phrase in zip(batch.key, batch.phrase, strict=True) if not phrase]:
        raise UseError(f"a detector needs a phrase, but there is none for {', '.join(unnamed)}")
    return [detector.detect(clip, phrase) for clip, phrase in zip(edited, batch.phrase, strict=True)]
