"""Step 2: a picture becomes a video, by embedded motion or by an image-to-video model."""

from veggie_pl.synthesis.animate.camera import CameraAnimator

__all__ = ["CameraAnimator"]
