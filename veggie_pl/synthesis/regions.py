"""Where pictures differ."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

LEVELS = 12  # of 255, in any channel: a smaller difference may be a file's or an encoder's noise


def differs(one: UInt8[np.ndarray, "*f h w 3"], other: UInt8[np.ndarray, "*f h w 3"]) -> Bool[np.ndarray, "*f h w"]:
    """Tell which pixels differ by more than ``LEVELS`` of 255 in any channel."""
    return np.asarray(apart(one, other) > LEVELS)


def apart(one: UInt8[np.ndarray, "*f h w 3"], other: UInt8[np.ndarray, "*f h w 3"]) -> UInt8[np.ndarray, "*f h w"]:
    """Give the largest difference of the three channels at each pixel."""
    away = cv2.absdiff(one, other)
    return np.asarray(np.maximum(np.maximum(away[..., 0], away[..., 1]), away[..., 2]))  # far faster than max(-1)


def brush(shape: tuple[int, ...], margin: float) -> UInt8[np.ndarray, "k k"]:
    """Return a disk whose radius is a share of the shorter side, at least one pixel."""
    reach = max(1, round(margin * min(shape)))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))


def widened(region: Bool[np.ndarray, "h w"], margin: float) -> Bool[np.ndarray, "h w"]:
    """Add to a region what lies within a share of the shorter side, at least a pixel."""
    return np.asarray(cv2.dilate(region.astype(np.uint8), brush(region.shape, margin)).astype(bool))
