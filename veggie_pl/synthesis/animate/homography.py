"""Views of a picture: homographies in shares of width and height, and what is seen through them."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from veggie_pl.synthesis.protocols import Frames, Homographies, Picture

View = Float[np.ndarray, "3 3"]  # from a place in the frame to the place in the picture that is seen there
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
DIGITS = 9  # of a number of a homography as JSON: a thousandth of a pixel of any picture is more


def in_pixels(view: View, height: int, width: int) -> View:
    """Return the same view between pixel centres."""
    scale = np.array([[width, 0, -0.5], [0, height, -0.5], [0, 0, 1.0]])
    return np.asarray(scale @ view @ np.linalg.inv(scale))


def warp(
    picture: UInt8[np.ndarray, "h w *c"], view: View, border: int = cv2.BORDER_REFLECT_101
) -> UInt8[np.ndarray, "h w *c"]:
    """Show a picture through a view; what lies outside of it is its mirror image unless ``border`` says otherwise."""
    height, width = picture.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(picture, in_pixels(view, height, width), (width, height), flags=flags, borderMode=border)
    )


def through(picture: Picture, views: Homographies) -> Frames:
    """Make a clip of a picture, one frame per view; a view that changes nothing gives the picture's own pixels."""
    frames = np.empty((len(views), *picture.shape), np.uint8)
    for frame, numbers in zip(frames, views, strict=True):
        view = np.asarray(numbers).reshape(3, 3)
        frame[:] = picture if np.array_equal(view, np.eye(3)) else warp(picture, view)
    return frames


def as_numbers(views: list[View]) -> Homographies:
    """Round views to what JSON keeps, so that they are the same before and after."""
    return tuple(tuple(round(float(number), DIGITS) for number in view.flatten()) for view in views)
