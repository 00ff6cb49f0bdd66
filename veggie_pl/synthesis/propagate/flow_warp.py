"""The edited picture is warped along the optical flow of the source video: no model, and any video will do."""

from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.experts.flow import PRESETS
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.flow import Flow, fetch, from_first, to_first
from veggie_pl.synthesis.propagate.region import MARGIN, carried, first_region
from veggie_pl.synthesis.protocols import Animation, Description, Frames, ItemError, Picture, Still
from veggie_pl.synthesis.regions import widened

_CONSISTENT, _SLACK = 0.01, 0.5  # Sundaram, Brox, Keutzer, ECCV 2010, equation 5; pixels squared
_LARGEST = 0.6  # of the pixels: an edit of more than that leaves nothing of the source video to keep
_INPAINT = 3.0  # pixels


class FlowWarp:
    """Implements ``Propagator`` by dense inverse search (arXiv:1603.03590) from every frame back to the first one.

    A pixel whose flow does not lead back to it (forward-backward check of Sundaram et al. 2010) was not in sight in
    the first frame: there nothing of the edit is known, and it is inpainted. Outside of the edit, carried along the
    flow, the video itself is taken, so that all that was not asked for stays to the pixel. What a removal uncovers
    moves as what is around it.

    Args:
        preset: Of opencv's search: "ultrafast", "fast" or "medium".
        keep: Take what is outside of the edit from the video; edits of all of the picture are warped whole.

    Raises:
        UseError: If there is no such preset.
    """

    def __init__(self, preset: str = "medium", keep: bool = True) -> None:
        if preset not in PRESETS:
            raise UseError(f"preset {preset!r} of optical flow; the choices are {', '.join(PRESETS)}")
        self.preset, self.keep = preset, keep

    @cached_property
    def digest(self) -> str:
        """Class and parameters."""
        return digest_of_step(self, 1, preset=self.preset, keep=self.keep)

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        """Return the edited clip; its first frame is the edited picture.

        Raises:
            ItemError: If the video has not the size of the pictures.
        """
        frames = animation.frames
        if frames.shape[1:] != still.target.shape:
            raise ItemError(f"the video is {frames.shape[1:]}, the edited picture {still.target.shape}")
        edit = first_region(still)
        whole = not self.keep or edit.mean() > _LARGEST
        found = np.empty_like(frames)
        found[0] = still.target
        flows = zip(to_first(frames, self.preset), from_first(frames, self.preset), strict=True)
        for number, (back, ahead) in enumerate(flows, start=1):
            region = carried(edit, back)
            if still.example.skill is Skill.REMOVAL and not whole:
                region = widened(region, MARGIN)
                back, known = _flow_around(back, region), np.ones(region.shape, bool)
            else:
                known = returns(back, ahead)
            warped = _filled(fetch(still.target, back), ~known if whole else ~known & region)
            found[number] = warped if whole else np.where(region[..., None], warped, frames[number])
        return found


def returns(back: Flow, ahead: Flow) -> Bool[np.ndarray, "h w"]:
    """Tell which pixels come back to where they were, and were in sight at the other end.

    Args:
        back: From a frame to the first one.
        ahead: From the first one to the frame.
    """
    height, width = back.shape[:2]
    again = fetch(ahead, back)
    length = np.square(back).sum(-1) + np.square(again).sum(-1)
    rows, columns = np.mgrid[:height, :width]
    x, y = columns + back[..., 0], rows + back[..., 1]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.asarray((np.square(back + again).sum(-1) <= _CONSISTENT * length + _SLACK) & inside)


def _flow_around(flow: Flow, hole: Bool[np.ndarray, "h w"]) -> Flow:
    """Replace the flow of a hole by that of its surroundings, farther ones where there are no nearer ones."""
    if not hole.any() or hole.all():
        return flow
    filled, known = flow.astype(np.float32).copy(), (~hole).astype(np.float32)
    left, sigma = hole.copy(), 2.0
    while left.any():
        weight = cv2.GaussianBlur(known, (0, 0), sigma)
        near = left & (weight > 1e-3)
        total = cv2.GaussianBlur(flow.astype(np.float32) * known[..., None], (0, 0), sigma)
        filled[near] = total[near] / weight[near][:, None]
        left &= ~near
        sigma *= 2
    return filled


def _filled(picture: Picture, hole: Bool[np.ndarray, "h w"]) -> Picture:
    if not hole.any() or hole.all():
        return picture
    return np.asarray(cv2.inpaint(picture, hole.astype(np.uint8), _INPAINT, cv2.INPAINT_TELEA))
