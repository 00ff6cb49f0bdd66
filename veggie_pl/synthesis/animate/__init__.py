"""Step 2: a picture becomes a video, by embedded motion, by an image-to-video model, or a real one is taken."""

from veggie_pl.synthesis.animate.camera import CameraAnimator
from veggie_pl.synthesis.animate.parallax import ParallaxAnimator
from veggie_pl.synthesis.animate.pipelines import PipelineAnimator
from veggie_pl.synthesis.animate.recorded import RecordedVideo
from veggie_pl.synthesis.animate.shapes import ShapesAnimator

__all__ = ["CameraAnimator", "ParallaxAnimator", "PipelineAnimator", "RecordedVideo", "ShapesAnimator"]
