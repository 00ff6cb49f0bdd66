"""The measures as functions of edits and batch: one number per sample, in the unit that tables print.

What several of them need is computed once, when the first one asks for it: see ``Scored``.
"""

from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Batch, Clips, Masks
from veggie_pl.data.benchmark import Values
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detections, Detector
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.metrics import functional


class Scored:
    """Edits beside what was asked, and what more than one measure needs.

    Args:
        edited: Outputs in [-1, 1], float32.
        batch: What was asked, on the device of the outputs.
        detector: Looks for what was added or removed; None where there is none.
    """

    def __init__(self, edited: Clips, batch: Batch, detector: Detector | None = None) -> None:
        self.edited, self.batch, self.detector = edited, batch, detector

    def has(self, needs: tuple[str, ...]) -> bool:
        """Tell whether there is all that a measure needs."""
        there = {"detector": self.detector is not None, "target": self.batch.target is not None}
        return all(there[need] for need in needs)

    @property
    def target(self) -> Clips:
        """The exact answer, of those that have one: what needs it is not asked for otherwise."""
        assert self.batch.target is not None
        return self.batch.target

    @cached_property
    def decoded(self) -> Masks:
        """The region that each output points at, decoded from its mask colour."""
        samples = zip(self.edited, self.batch.source, self.batch.fill, strict=True)
        return torch.stack([unpaint(one, source, fill) for one, source, fill in samples])

    @cached_property
    def likeness(self) -> Float[Tensor, "b f h w"]:
        """Structural similarity to the target at each pixel, in [-1, 1]."""
        return functional.ssim_map(self.edited, self.target).double()

    @cached_property
    def error(self) -> Float[Tensor, "b f h w"]:
        """Squared error against the target at each pixel, mean over the channels."""
        return functional.squared_error(self.edited, self.target)

    @cached_property
    def psnr_outside(self) -> Values:
        """PSNR to the target over what should stay, in dB."""
        return functional.psnr_of(self.error, ~self.batch.mask)

    @cached_property
    def detections(self) -> list[list[Detections]]:
        """What the detector finds of each sample's phrase, by clip and frame.

        Raises:
            UseError: If a sample has no phrase to look for.
        """
        assert self.detector is not None
        batch = self.batch
        if unnamed := [key for key, phrase in zip(batch.key, batch.phrase, strict=True) if not phrase]:
            raise UseError(f"a detector needs a phrase, but there is none for {', '.join(unnamed)}")
        return [self.detector.detect(clip, phrase) for clip, phrase in zip(self.edited, batch.phrase, strict=True)]


def miou(scored: Scored) -> Values:
    """Compare the decoded region: IoU with frames summed before dividing, in %; see ``region_iou``."""
    return 100 * functional.region_iou(scored.decoded, scored.batch.mask)


def jaccard(scored: Scored) -> Values:
    """Compare the decoded region: J, IoU per frame, mean over frames, in %; see ``region_jaccard``."""
    return 100 * functional.region_jaccard(scored.decoded, scored.batch.mask).mean(-1)


def boundary(scored: Scored) -> Values:
    """Compare the decoded region's contour: F per frame, mean over all frames, in %; see ``boundary_f``."""
    return 100 * functional.boundary_f(scored.decoded, scored.batch.mask).mean(-1)


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


def presence(scored: Scored) -> Values:
    """Tell how surely the phrase is found in the output, in [0, 100]: "detection" of concept addition."""
    return torch.stack([functional.detection_score(found) for found in scored.detections])


def absence(scored: Scored) -> Values:
    """Take from 100 how surely the phrase is found in the output: "detection" of concept removal."""
    return 100 - presence(scored)


def placed(scored: Scored) -> Values:
    """Judge whether the right object came to the right place, 100 or 0 %; NaN where the sample names no place."""
    undefined = torch.tensor(torch.nan, dtype=torch.float64)
    return torch.stack(
        [
            undefined if place is None else 100 * functional.addition_success(found, place)
            for found, place in zip(scored.detections, scored.batch.place, strict=True)
        ]
    )
