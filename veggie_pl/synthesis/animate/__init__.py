"""Step 2: a picture becomes a video, by embedded motion or by an image-to-video model."""

from veggie_pl.synthesis.animate.camera import CameraAnimator
from veggie_pl.synthesis.animate.recorded import RecordedVideo

__all__ = ["CameraAnimator", "RecordedVideo"]
