"""The measures by name: unit, and how each is taken from a pair. Where two clips are measured, the worse one counts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from veggie_pl.metrics import functional
from veggie_pl.synthesis.assess.functional import (
    change_shares,
    edge_agreement,
    edit_strengths,
    flow_gaps,
    is_black,
    lost_shares,
    motion,
    moves,
)
from veggie_pl.synthesis.assess.seen import Seen
from veggie_pl.synthesis.regions import differs
from veggie_pl.video.clip import resize, to_clip

_MIN_OUTSIDE = 0.02  # of the pixels of a frame: less than that outside of the edit is no ground to judge by
_MOVED = 0.01  # of the pixels: less outside of the edit may be its own soft edge
_MEAN_SIDE = 24  # pixels


@dataclass(frozen=True)
class Measure:
    """One measure of a pair.

    Args:
        unit: For reports.
        good: Which values are good: "high", "low" or "middle".
        compute: From what is seen of a pair; NaN where it is not defined.
        needs: The expert that it asks, by its name in ``Experts``.
    """

    unit: str
    good: Literal["high", "low", "middle"]
    compute: Callable[[Seen], float]
    needs: str = ""


def first_frame(seen: Seen) -> float:
    """Compare first frames with their pictures: PSNR in dB."""
    lifted = seen.lifted
    pairs = ((lifted.source, lifted.still.source), (lifted.target, lifted.still.target))
    return min(
        functional.PSNR_CAP
        if np.array_equal(clip[0], picture)
        else float(functional.psnr(to_clip(clip[:1]), to_clip(picture[None])))
        for clip, picture in pairs
    )


def black(seen: Seen) -> float:
    """Give the share of frames that are black where the picture is not."""
    shares = []
    for frames in (seen.source, seen.edited):
        found = is_black(frames)
        shares.append(0.0 if found[0] and found.all() else float(found.mean()))
    return max(shares)


def frozen(seen: Seen) -> float:
    """Give the share of neighbouring frames between which a clip stands still.

    The edited clip may, where all that moves in the source is the edit itself, such as a thing that is removed.
    """
    if len(seen.source) < 2:
        return 1.0
    source, edited = moves(seen.source), moves(seen.edited)
    asked = source if seen.is_whole else moves(seen.source, ~seen.region, _MOVED)
    return max(float((~source).mean()), float((asked & ~edited).mean()))


def slowest(seen: Seen) -> float:
    """Give the mean flow between neighbouring frames."""
    return min(motion(flows) for flows in seen.steps)


def lost(seen: Seen) -> float:
    """Give the largest share of a later frame that does not come from the first one: drift, cuts, other subjects."""
    clips = zip((seen.source, seen.edited), seen.back, strict=True)
    return max((float(lost_shares(frames, back).max(initial=0.0)) for frames, back in clips), default=0.0)


def kept(seen: Seen) -> float:
    """Compare the clips outside of the edit, frame by frame: the lowest PSNR in dB."""
    outside = ~seen.region
    outside[outside.mean((1, 2)) < _MIN_OUTSIDE] = False
    error = functional.squared_error(*seen.clips)[:, None]  # (f, 1, h, w)
    found = functional.psnr_of(error, torch.from_numpy(outside)[:, None])
    return _least(found.numpy())


def edit_seen(seen: Seen) -> float:
    """Give the share of pixels in which the pictures differ; next to nothing where nothing was edited."""
    return float(differs(*seen.pictures)[0].mean())


def edit_left(seen: Seen) -> float:
    """Give the least strength of the edit in a frame, as a share of what it is in the pictures."""
    return _least(edit_strengths(seen.source, seen.edited, (seen.pictures[0][0], seen.pictures[1][0])))


def edit_spread(seen: Seen) -> float:
    """Give the largest area in which a frame differs, as a multiple of the first frame's."""
    return -_least(-change_shares(seen.change))


def flow_gap(seen: Seen) -> float:
    """Give the largest distance of the two clips' motion from the first frame, outside of the edit."""
    return -_least(-flow_gaps(*seen.back, ~seen.region[1:]))


def edges(seen: Seen) -> float:
    """Give the largest loss since the first frame of the correlation of both clips' edges."""
    found = edge_agreement(seen.source, seen.edited)
    return float((found[0] - found).max())


def color_drift(seen: Seen) -> float:
    """Measure how fast the mean colours of the clips run apart."""
    source, edited = (resize(clip, _MEAN_SIDE, _MEAN_SIDE) for clip in seen.clips)  # means do not need more
    return float(functional.color_drift(edited, source, torch.ones(len(edited), _MEAN_SIDE, _MEAN_SIDE).bool()))


OWN: dict[str, Measure] = {
    "frames": Measure("frames", "high", lambda seen: float(len(seen.lifted.source))),
    "side": Measure("px", "high", lambda seen: float(min(seen.lifted.source.shape[1:3]))),
    "first_frame": Measure("dB", "high", first_frame),
    "black": Measure("share of frames", "low", black),
    "frozen": Measure("share of pairs of frames", "low", frozen),
    "motion": Measure("sides per frame", "high", slowest),
    "lost": Measure("share of pixels", "low", lost),
    "kept": Measure("dB", "high", kept),
    "edit_seen": Measure("share of pixels", "high", edit_seen),
    "edit_left": Measure("of the pictures'", "high", edit_left),
    "edit_spread": Measure("of the first frame's", "low", edit_spread),
    "flow_gap": Measure("sides", "low", flow_gap),
    "edges": Measure("correlation", "low", edges),
    "color_drift": Measure("CIELAB per 100 frames", "low", color_drift),
}


def _least(values: Float[np.ndarray, " f"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.min()) if len(known) else math.nan
