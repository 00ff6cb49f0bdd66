"""What stands in front in a pair of pictures: the thing that the edit is about, with clean backgrounds behind it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from veggie_pl.batch import Skill
from veggie_pl.synthesis.protocols import Picture, Still
from veggie_pl.synthesis.regions import brush, differs, widened

_SMALLEST, _LARGEST = 0.001, 0.6  # of the pixels: what is less or more than that is no thing in front
_BOTH = (Skill.CHANGING, Skill.VISUAL_FEATURE, Skill.GROUNDING, Skill.REASONING)
_MARGIN, _INPAINT = 0.015, 3.0  # of the shorter side: soft edges; pixels

Alpha = Float[np.ndarray, "h w"]  # in [0, 1]


@dataclass(frozen=True)
class Layers:
    """A picture in two layers: where the front one is, and what is behind it."""

    picture: Picture
    behind: Picture
    alpha: Alpha


def difference(still: Still) -> Bool[np.ndarray, "h w"]:
    """Tell where the pictures of a pair differ, without holes of noise."""
    away = differs(still.source, still.target).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(away, cv2.MORPH_CLOSE, brush(away.shape, _MARGIN)).astype(bool))


def in_layers(still: Still) -> tuple[Layers, Layers]:
    """Cut both pictures of a pair into layers that fit each other.

    The front is where the pictures differ; for a change of background it is what stays. A thing that is added or
    removed is in front in one picture only, and the other picture is what is behind it; elsewhere what is behind is
    inpainted (Telea 2004). A change of all of the picture, such as a style, has no front.
    """
    skill, changed = still.example.skill, difference(still)
    front = ~changed if skill is Skill.BACKGROUND else changed
    none = np.zeros(front.shape, np.float32)
    if not _SMALLEST <= front.mean() <= _LARGEST or skill is Skill.STYLIZATION:
        return Layers(still.source, still.source, none), Layers(still.target, still.target, none)
    alpha, hole = _soft(front)
    if skill is Skill.ADDITION:
        return Layers(still.source, still.source, none), Layers(still.target, still.source, alpha)
    if skill is Skill.REMOVAL:
        return Layers(still.source, still.target, alpha), Layers(still.target, still.target, none)
    behind = [np.asarray(cv2.inpaint(one, hole, _INPAINT, cv2.INPAINT_TELEA)) for one in (still.source, still.target)]
    if skill in _BOTH:  # the same outside of the front, so the same behind it
        behind[1] = behind[0]
    return Layers(still.source, behind[0], alpha), Layers(still.target, behind[1], alpha)


def _soft(front: Bool[np.ndarray, "h w"]) -> tuple[Alpha, UInt8[np.ndarray, "h w"]]:
    """Return a front with a soft edge outside of it, and the hole that covers all of it."""
    wide = widened(front, _MARGIN).astype(np.float32)
    alpha = np.maximum(cv2.GaussianBlur(wide, brush(front.shape, _MARGIN).shape, 0), front)
    return alpha, np.asarray((alpha > 0).astype(np.uint8) * 255)
