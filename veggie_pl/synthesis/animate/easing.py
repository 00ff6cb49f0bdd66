"""How far along a motion is in every frame."""

import numpy as np
from jaxtyping import Float

EASES = ("steady", "soft", "start", "stop")


def eased(num_frames: int, name: str) -> Float[np.ndarray, " f"]:
    """Return the share of the way at each frame: 0 at the first one, 1 at the last one, never back.

    Args:
        num_frames: At least 1; a single frame is at 0.
        name: "steady" is linear; "soft" starts and stops gently, "start" and "stop" only the one.
    """
    time = np.linspace(0, 1, num_frames) if num_frames > 1 else np.zeros(1)
    gentle = {"steady": time, "soft": time**2 * (3 - 2 * time), "start": time**2, "stop": 1 - (1 - time) ** 2}
    return 0.5 * time + 0.5 * gentle[name]  # half of it, so that no frame stands still
