"""The edited picture moves exactly as the source picture did: the pair is aligned to the pixel."""

from collections.abc import Callable, Mapping
from functools import cached_property

from veggie_pl.synthesis.animate import camera, parallax, shapes
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Animation, Description, Frames, ItemError, Still

_MOVERS: dict[str, Callable[[Still, Mapping[str, object]], Frames]] = {
    camera.KIND: lambda still, motion: camera.moved(still.target, motion),
    parallax.KIND: parallax.moved,
    shapes.KIND: lambda still, motion: shapes.moved(still, motion)[1],
}


class SameMotion:
    """Implements ``Propagator`` for animations that can be repeated: those that say what their motion is."""

    stored = False  # making it takes less than reading it

    @cached_property
    def digest(self) -> str:
        """Class."""
        return digest_of_step(self, 1)

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        """Return the edited clip.

        Raises:
            ItemError: If the animation does not say how it moves, as those of models do not.
        """
        kind = animation.motion.get("kind")
        if kind not in _MOVERS:
            choices = ", ".join(_MOVERS)
            raise ItemError(f"an animation of kind {kind!r} cannot be repeated; those that can are {choices}")
        return _MOVERS[str(kind)](still, animation.motion)
