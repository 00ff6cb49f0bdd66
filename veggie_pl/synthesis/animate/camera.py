"""A camera that moves over a picture: pan, zoom and roll as smooth homographies, and no model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng
from veggie_pl.synthesis.animate.easing import EASES, eased
from veggie_pl.synthesis.animate.homography import CORNERS, View, as_numbers, through
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.layers import difference
from veggie_pl.synthesis.protocols import Animation, Description, Frames, Picture, Still

KIND = "camera"
_LEAST = 0.5  # of the largest move: no clip stands still
_TRIES, _IN_SIGHT = 12, 0.9  # moves that are drawn until so much of the edit is still seen in the last frame


@dataclass(frozen=True)
class Moves:
    """Where the camera ends; in the first frame it sees all of the picture."""

    pan: tuple[float, float] = (0.0, 0.0)  # shares of width and height; the centre of the view
    zoom: float = 1.0  # more than 1 sees less of the picture
    roll: float = 0.0  # degrees


class CameraAnimator:
    """Implements ``Animator`` by a moving camera; the picture itself is flat.

    The seed draws one, two or all of pan, zoom and roll, each of at least half its largest size. The view zooms in as
    far as it must to stay inside the picture, so that nothing is made up, and moves are drawn until the edit stays in
    sight.

    Args:
        num_frames: Of a clip, at least 2.
        fps: Frames per second.
        pan: Largest move of the view's centre, as a share of width and height, in [0, 0.4].
        zoom: Largest zoom, in [1, 4].
        roll: Largest turn in degrees, in [0, 45].

    Raises:
        UseError: If a number is out of range, or none of the moves can be made.
    """

    stored = False  # making it takes less than reading it

    def __init__(
        self, num_frames: int = 8, fps: float = 8.0, pan: float = 0.12, zoom: float = 1.3, roll: float = 6.0
    ) -> None:
        if num_frames < 2 or fps <= 0:
            raise UseError(f"a moving camera needs at least 2 frames and fps above 0, got {num_frames} and {fps}")
        if not 0 <= pan <= 0.4 or not 1 <= zoom <= 4 or not 0 <= roll <= 45:
            raise UseError(f"pan has to be in 0 .. 0.4, zoom in 1 .. 4 and roll in 0 .. 45, got {pan}, {zoom}, {roll}")
        if not (pan or zoom > 1 or roll):
            raise UseError("a camera without pan, zoom and roll does not move")
        self.num_frames, self.fps = num_frames, fps
        self.pan, self.zoom, self.roll = pan, zoom, roll

    @cached_property
    def digest(self) -> str:
        """Class and parameters."""
        settings = {name: getattr(self, name) for name in ("num_frames", "fps", "pan", "zoom", "roll")}
        return digest_of_step(self, 2, **settings)

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Set the source picture in motion, whatever the description says."""
        height, width = still.source.shape[:2]
        rng = numpy_rng("camera", seed)
        ease = EASES[int(rng.random() * len(EASES))]
        changed = np.argwhere(difference(still))[:, ::-1] / (width, height)
        best = -1.0
        for _ in range(_TRIES):
            tried = path(self.draw(rng), eased(self.num_frames, ease), width / height)
            if (sight := _in_sight(tried[-1], changed)) > best:
                best, views = sight, as_numbers(tried)
            if best >= _IN_SIGHT:
                break
        motion = {"kind": KIND, "homographies": [[*view] for view in views]}
        return Animation(through(still.source, views), self.fps, motion)

    def draw(self, rng: np.random.Generator) -> Moves:
        """Draw where the camera ends."""
        able = [name for name, can in (("pan", self.pan), ("zoom", self.zoom > 1), ("roll", self.roll)) if can]
        count = 1 + int(rng.random() * len(able))
        chosen = {able[int(place)] for place in rng.permutation(len(able))[:count]}
        size = _LEAST + (1 - _LEAST) * rng.random(3)
        angle, side = 2 * np.pi * rng.random(), 1 if rng.random() < 0.5 else -1
        far = self.pan * size[0] if "pan" in chosen else 0.0
        return Moves(
            pan=(float(far * np.cos(angle)), float(far * np.sin(angle))),
            zoom=float(self.zoom ** size[1]) if "zoom" in chosen else 1.0,
            roll=float(side * self.roll * size[2]) if "roll" in chosen else 0.0,
        )


def path(moves: Moves, shares: Float[np.ndarray, " f"], aspect: float) -> list[View]:
    """Return the view of each frame, the first one being the whole picture.

    Args:
        moves: Where it ends.
        shares: How much of the way is done at each frame, 0 at the first.
        aspect: Width over height of the picture: a turn is one of its pixels.
    """
    return [_view(moves, float(share), aspect) for share in shares]


def _view(moves: Moves, share: float, aspect: float) -> View:
    if share == 0:
        return np.eye(3)
    centre = 0.5 + share * np.array(moves.pan)
    angle = np.deg2rad(share * moves.roll)
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine / aspect], [sine * aspect, cosine]])
    reach = (CORNERS - 0.5) @ turn.T / moves.zoom**share  # of the view's corners from its centre
    room = np.where(reach > 0, 1 - centre, centre)  # from the centre to the border that each corner is nearer to
    fits = min(1.0, float((room / np.maximum(np.abs(reach), 1e-9)).min()))
    linear = turn * fits / moves.zoom**share
    view = np.eye(3)
    view[:2, :2], view[:2, 2] = linear, centre - linear @ np.array([0.5, 0.5])
    return view


def _in_sight(view: View, places: Float[np.ndarray, "n 2"]) -> float:
    """Tell which share of places of the picture is seen in a view; all of none."""
    if not len(places):
        return 1.0
    seen = np.linalg.solve(view, np.column_stack([places, np.ones(len(places))]).T)
    inside = (seen[:2] >= 0) & (seen[:2] <= 1)
    return float(inside.all(0).mean())


def moved(picture: Picture, motion: Mapping[str, object]) -> Frames:
    """Move the camera over another picture in the same way.

    Args:
        picture: Of any size.
        motion: Of an animation of this kind.
    """
    views: object = motion["homographies"]
    assert isinstance(views, list | tuple)
    return through(picture, tuple(tuple(float(number) for number in view) for view in views))
