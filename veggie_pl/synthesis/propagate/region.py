"""Where an edit is in every frame of a video."""

import cv2
import numpy as np
from jaxtyping import Bool

from veggie_pl.synthesis.flow import Flow, fetch, to_first
from veggie_pl.synthesis.layers import difference
from veggie_pl.synthesis.protocols import Frames, Still
from veggie_pl.synthesis.regions import widened

MARGIN = 0.03  # of the shorter side: soft edges of the edit, and errors of flow


def first_region(still: Still) -> Bool[np.ndarray, "h w"]:
    """Tell where the pictures differ, with a margin."""
    return widened(difference(still), MARGIN)


def carried(region: Bool[np.ndarray, "h w"], back: Flow) -> Bool[np.ndarray, "h w"]:
    """Carry a region of the first frame to another one, along the flow from there back."""
    return np.asarray(fetch(region.astype(np.uint8), back, cv2.INTER_NEAREST).astype(bool))


def carried_region(still: Still, frames: Frames) -> Bool[np.ndarray, "f h w"]:
    """Carry the region of an edit through a video, along its flow back to the first frame."""
    first = first_region(still)
    return np.stack([first, *(carried(first, back) for back in to_first(frames))])
