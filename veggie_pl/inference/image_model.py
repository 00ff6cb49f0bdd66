"""What is said of a model that edits clips frame by frame."""

import logging
from typing import Any
from weakref import WeakSet

log = logging.getLogger(__name__)
_told: WeakSet[Any] = WeakSet()  # image models


def tell_image_model(module: Any, num_frames: int) -> None:
    """Log one line, once a ``VeggieModule``, if it has no temporal layers and there are several frames to edit."""
    if num_frames > 1 and not module.viddm.is_video and module not in _told:
        _told.add(module)
        log.info(
            "%s is an image model, without temporal layers: it paints each of the %d frames on its own",
            module.name or "this",
            num_frames,
        )
