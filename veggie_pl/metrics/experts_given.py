"""The outside models that measures may ask, each of them optional."""

from dataclasses import dataclass

from veggie_pl.experts.detections import Detector
from veggie_pl.experts.protocols import FrameFeatures, FrameQuality, ImageText, Judge


@dataclass(frozen=True)
class Experts:
    """Who can be asked.

    Args:
        detector: Finds named objects.
        image_text: Compares pictures with words, and pictures with each other: CLIP, SigLIP.
        features: Compares pictures: DINO.
        quality: Tells how good a clip looks, without a reference.
        judge: Rates an edit as people would.
    """

    detector: Detector | None = None
    image_text: ImageText | None = None
    features: FrameFeatures | None = None
    quality: FrameQuality | None = None
    judge: Judge | None = None
