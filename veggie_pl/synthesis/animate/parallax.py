"""Layered parallax: a camera that moves sideways, before which near things pass faster than far ones; no model."""

from collections.abc import Mapping
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng
from veggie_pl.synthesis.animate.easing import EASES, eased
from veggie_pl.synthesis.animate.motion import as_pair
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.flow import fetch
from veggie_pl.synthesis.layers import Layers, in_layers
from veggie_pl.synthesis.protocols import Animation, Description, Frames, Still

KIND = "parallax"
_FAR, _GROUND = 0.3, 0.8  # nearness of the top and of the bottom of what is behind; the front has 1
_DIGITS = 6  # of shares of a side: a hundredth of a pixel and less


class ParallaxAnimator:
    """Implements ``Animator`` by layers: the thing that the edit is about in front, a plane that comes nearer below.

    Depth is nobody's estimate: where the pictures differ is in front, see ``layers``, and behind it the bottom of the
    picture is nearer than its top. Both pictures are cut at the same place, so ``SameMotion`` aligns them exactly.
    What comes in from beyond the border is the picture's mirror image.

    Args:
        num_frames: Of a clip, at least 2.
        fps: Frames per second.
        shift: How far the front moves at most, as a share of width and height, in (0, 0.4]; at least half of it.

    Raises:
        UseError: If a number is out of range.
    """

    stored = False  # making it takes less than reading it

    def __init__(self, num_frames: int = 8, fps: float = 8.0, shift: float = 0.12) -> None:
        if num_frames < 2 or fps <= 0 or not 0 < shift <= 0.4:
            raise UseError(
                "parallax has to have at least 2 frames, fps above 0 and a shift in (0, 0.4], "
                f"got {num_frames}, {fps} and {shift}"
            )
        self.num_frames, self.fps, self.shift = num_frames, fps, shift

    @cached_property
    def digest(self) -> str:
        """Class and parameters."""
        return digest_of_step(self, 1, num_frames=self.num_frames, fps=self.fps, shift=self.shift)

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Set the source picture in motion."""
        rng = numpy_rng("parallax", seed)
        size, angle = self.shift * (0.5 + 0.5 * rng.random()), (rng.random() - 0.5) * np.pi / 4
        side, ease = 1 if rng.random() < 0.5 else -1, EASES[int(rng.random() * len(EASES))]
        way = side * size * np.array([np.cos(angle), np.sin(angle)])
        shifts = [[round(float(part), _DIGITS) for part in share * way] for share in eased(self.num_frames, ease)]
        motion = {"kind": KIND, "shifts": shifts}
        return Animation(_rendered(in_layers(still)[0], as_pair(shifts, float)), self.fps, motion)


def moved(still: Still, motion: Mapping[str, object]) -> Frames:
    """Move the camera before the edited picture in the same way.

    Args:
        still: The pair.
        motion: Of an animation of this kind.
    """
    return _rendered(in_layers(still)[1], as_pair(motion["shifts"], float))


def _rendered(layers: Layers, shifts: list[tuple[float, float]]) -> Frames:
    height, width = layers.alpha.shape
    frames = np.empty((len(shifts), height, width, 3), np.uint8)
    frames[0] = layers.picture
    depth = np.linspace(_FAR, _GROUND, height, dtype=np.float32)[:, None, None].repeat(width, 1)
    for frame, shift in zip(frames[1:], shifts[1:], strict=True):
        pixels = np.array(shift, np.float32) * (width, height)
        frame[:] = fetch(layers.behind, -depth * pixels.astype(np.float32), border=cv2.BORDER_REFLECT_101)
        alpha = _shifted(layers.alpha, pixels)
        left, top, wide, high = cv2.boundingRect((alpha > 0).astype(np.uint8))
        box = (slice(top, top + high), slice(left, left + wide))
        if wide:
            near = _shifted(layers.picture, pixels)[box].astype(np.float32)
            frame[box] = np.rint(frame[box] + alpha[box][..., None] * (near - frame[box]))
    return frames


def _shifted(
    picture: UInt8[np.ndarray, "h w 3"] | Float[np.ndarray, "h w"], pixels: Float[np.ndarray, "2"]
) -> UInt8[np.ndarray, "h w 3"] | Float[np.ndarray, "h w"]:
    """Move a layer; what is beyond its border is its mirror image, or nothing of an alpha."""
    view = np.array([[1, 0, pixels[0]], [0, 1, pixels[1]]], np.float64)
    border = cv2.BORDER_REFLECT_101 if picture.ndim == 3 else cv2.BORDER_CONSTANT
    return np.asarray(cv2.warpAffine(picture, view, picture.shape[1::-1], borderMode=border))
